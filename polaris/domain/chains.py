"""Chains of register figures, of which a session's meter keeps those that may turn out to be its register.

A chain is a run of figures each of which can follow the one before it: it does not fall, and has not risen by more than
the connector can deliver in the time. Its score is the number of figures that have moved it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

RESOLUTION_WH = 1000  # some registers count whole kWh
MAX_CHAINS = 4  # of one session; without it a faulty meter would fill the row
MAX_LAG = 4  # of a chain's score behind the best; further behind it is noise, and would be carried along for ever
HOUR_US = 3_600_000_000
UNKNOWN_US = 100_000 * HOUR_US
_NINES = frozenset(10**digits - 1 for digits in range(1, 16))


class Chain(Struct, frozen=True, array_like=True, gc=False):
    """A run of register figures that can be one register's, perhaps with resets.

    `energy_wh` is what was delivered by its last figure, `sure_wh` the part of it that may be shown.
    """

    id: int  # the ordinal of its last figure's observation; 0 for the register that was sent with the start
    after: int  # the id before that
    base_wh: int  # the register at which the present piece began,
    before_wh: int  # and the energy before it
    last_wh: int
    at_us: int
    received_us: int
    score: int = 1
    figures: int = 1  # how many it has, with the start
    rises: int = 0  # how many of the present piece rose
    sure_wh: int = 0
    has_start: bool = False
    is_named: bool = False  # one of its figures named the session
    is_held: bool = False  # its last rise was unusual and has not been confirmed
    has_reset: bool = False
    # From the session's start or, if it has another register, from its first figure; enough if stored without.
    elapsed_us: int = UNKNOWN_US
    is_inferred: bool = False  # its last figure named no session
    is_doubtful: bool = False  # it has passed over a figure: false, or before a reset, and nothing tells which

    @property
    def energy_wh(self) -> int:
        return self.before_wh + self.last_wh - self.base_wh

    @property
    def has_risen(self) -> bool:
        return self.rises > 0 or self.has_reset

    @property
    def is_metered(self) -> bool:
        """Whether a reading has moved it on."""
        return self.figures > 1

    @property
    def is_of_session(self) -> bool:
        """Whether it has the start alone, or a figure that names the session."""
        return self.is_named or (self.has_start and self.figures == 1)

    @property
    def is_unsure(self) -> bool:
        """Whether neither a start nor a rise that is plausible vouches for it."""
        return not self.has_start and self.is_held and self.sure_wh == 0

    @property
    def is_noise(self) -> bool:
        """Whether no start vouches for it, and it has risen once, to what is no value."""
        return self.rises == 1 and not self.has_start and is_placeholder(self.last_wh)

    @property
    def rank(self) -> tuple[int, bool, int]:
        return self.score, self.has_start, self.at_us

    def needs(self, power_w: int) -> bool:
        """Whether its energy needs more than a power over all of its time."""
        return self.energy_wh * HOUR_US > power_w * self.elapsed_us

    def agrees(self, total_wh: int) -> bool:
        """Whether it has no more energy than the total, with room for rounding."""
        return self.sure_wh <= total_wh + total_wh // 10 + (RESOLUTION_WH if total_wh else 0)

    def is_reset_by(self, other: Chain) -> bool:
        """Whether another chain says that the register was reset after the last figure of this one."""
        is_reset = other.has_reset and other.rises > 0 and other.is_named and not is_placeholder(other.last_wh)
        return is_reset and not self.has_reset and other.at_us > self.at_us


def of_start(register_wh: int, at_us: int, received_us: int) -> Chain:
    """Return the chain of the register at the start alone."""
    return Chain(0, 0, register_wh, 0, register_wh, at_us, received_us, has_start=True, elapsed_us=0)


def path(chain: Chain | None, chains: Mapping[int, Chain]) -> list[Chain]:
    """Return a chain as it was after each of its figures, the newest first, from all chains by their ids."""
    found = []
    while chain is not None:
        found.append(chain)
        chain = chains.get(chain.after) if chain.figures > 1 else None
    return found


def confirmed(path: Iterable[Chain], total_wh: int | None) -> list[Chain]:
    """Return a chain's figures, the newest first, none held whose rise a later figure or the total has confirmed."""
    found, sure_wh = [], -1 if total_wh is None else total_wh
    for chain in path:
        if not chain.is_held:
            sure_wh = max(sure_wh, chain.energy_wh)
        found.append(replace(chain, is_held=False) if chain.is_held and chain.energy_wh <= sure_wh else chain)
    return found


def is_placeholder(register_wh: int) -> bool:
    """Whether a register is of the kind that stands for no value: all bits set, or all digits nine."""
    return register_wh & (register_wh + 1) == 0 or register_wh in _NINES


def between(from_us: int, from_received_us: int, to_us: int, to_received_us: int) -> int:
    """Return the time between two instants, by our clock if the charger's has not moved."""
    return to_us - from_us if to_us > from_us else max(0, to_received_us - from_received_us)


def pruned(chains: tuple[Chain, ...], is_named: bool) -> tuple[Chain, ...]:
    """Return the chains worth keeping, the best first."""
    ranked = sorted(
        chains,
        key=lambda chain: (chain.is_of_session or not is_named, *chain.rank, chain.id),
        reverse=True,
    )
    best = ranked[0]
    kept = [chain for chain in ranked if chain.score > best.score - MAX_LAG or chain is best or chain.is_of_session]
    return tuple(kept[:MAX_CHAINS])

"""The energy of a session by its meter: while it runs, and at its end by the register that was sent with that."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain.bound import CLOCK_SLACK_US, ROUNDING_WH, USUAL_POWER_W
from polaris.domain.chains import HOUR_US, RESOLUTION_WH, Chain, between, is_placeholder, of_start
from polaris.domain.data_quality import Note, is_thousandfold
from polaris.domain.energy import MAX_BEYOND, ROLLOVERS_WH, Meter

PHASES = 3
MAX_UNREAD_WH = 250_000  # of a register that is 0 at the start, with no reading: more than a car's battery holds


class Total(Struct, frozen=True):
    """A session's final energy, None if it is not known, with the chain that it comes from."""

    energy_wh: int | None
    notes: frozenset[Note] = frozenset()
    chain: Chain | None = None
    uses_end: bool = False
    end_wh: int | None = None  # the register at the end, if the total uses one: the end's own, or a reading's


def live(meter: Meter) -> Total:
    """Return the energy of a session that goes on."""
    best = meter.best
    is_metered = best is not None and best.rises > 0
    notes = _notes(meter, best) if best is not None and is_metered else frozenset()
    if best is not None and _aside(meter, best) > 1:  # one alone may still turn out to be right
        notes |= {Note.READINGS_SET_ASIDE}
    if meter.is_outpaced:
        notes |= {Note.POWER_EXCEEDED}
    elif meter.shown_wh is not None and meter.lacks(meter.shown_wh):
        notes |= {Note.UNIT_DOUBTFUL if meter.shown_wh else Note.NOT_METERED}
    return Total(meter.shown_wh, notes, best)


def close(meter: Meter, end_wh: int | None, at_us: int, received_us: int) -> Total:
    """Return the total of a session that has ended, by its meter and the register at its end, if one was sent."""
    total = _closed(meter, end_wh, at_us, received_us)
    if total.energy_wh is None:
        return total
    doubt = _doubt_of_total(meter, total, end_wh, at_us, received_us)
    if doubt is not None:
        return _not_known(doubt)
    is_power_doubtful = is_thousandfold(total.energy_wh, meter.work_wh)
    return replace(total, notes=total.notes | {Note.UNIT_DOUBTFUL}) if is_power_doubtful else total


def _doubt_of_total(meter: Meter, total: Total, end_wh: int | None, at_us: int, received_us: int) -> Note | None:
    """Return the note on why a total that the registers give cannot be right, or None."""
    energy_wh = total.energy_wh or 0
    is_beyond = (
        end_wh is not None
        and not total.uses_end
        and meter.best is not None
        and meter.bound.is_beyond(meter.best, end_wh, at_us, received_us)
    )
    is_vouched_for = total.uses_end and _has_start(total)
    is_unread = meter.start_wh == 0 and meter.figures == 1 and not meter.intervals
    usual_us = at_us - meter.started_us + CLOCK_SLACK_US
    is_fast = (energy_wh - RESOLUTION_WH) * HOUR_US > USUAL_POWER_W * usual_us
    doubts = {
        Note.NOT_METERED: energy_wh == 0 and meter.lacks(0),
        Note.UNIT_DOUBTFUL: meter.lacks(energy_wh) or (is_fast and is_thousandfold(energy_wh, meter.work_wh)),
        Note.POWER_EXCEEDED: meter.beyond + is_beyond >= MAX_BEYOND and not is_vouched_for,
        Note.FINAL_DOUBTED: is_unread and energy_wh > MAX_UNREAD_WH,  # a lifetime's, and 0 stood for no value
    }
    return next((note for note, holds in doubts.items() if holds), None)


def _closed(meter: Meter, end_wh: int | None, at_us: int, received_us: int) -> Total:
    ends = [register_wh for register_wh in (end_wh, meter.end_wh) if register_wh is not None]
    if not ends:
        return _without_end(meter, Note.FINAL_MISSING)
    total = _with_end(meter, ends[0], at_us, received_us)
    if ends[-1] != ends[0]:
        total = _of_two_ends(meter, total, _with_end(meter, ends[1], at_us, received_us), ends)
    if total.end_wh is not None or meter.best is None:
        return total
    return _read_otherwise(meter, meter.best, ends[0], at_us, received_us) or total


def _of_two_ends(meter: Meter, total: Total, other: Total, ends: list[int]) -> Total:
    """Return the better of two totals: by the end's own register, or by that of a reading of the end."""
    end_wh, other_wh = ends
    if not other.uses_end or (total.uses_end and meter.is_no_value(other_wh)):
        return total
    is_right = total.uses_end and not meter.is_no_value(end_wh)
    if is_right and _has_start(total) == _has_start(other):
        is_same = abs((total.energy_wh or 0) - (other.energy_wh or 0)) <= RESOLUTION_WH
        return total if is_same else _not_known(Note.FINAL_DOUBTED)
    if is_right and _has_start(total):
        return total
    return replace(other, notes=other.notes | {Note.FINAL_DOUBTED}, uses_end=False)


def _not_known(note: Note) -> Total:
    return Total(None, frozenset({note, Note.NOT_KNOWN}))


def _has_start(total: Total) -> bool:
    return total.chain is not None and total.chain.has_start


def _with_end(meter: Meter, end_wh: int, at_us: int, received_us: int) -> Total:
    """Return the total by a register at the end, or by the readings if that is doubted."""
    best = meter.best
    chain = _ending(meter, end_wh, at_us, received_us)
    if chain is None and best is not None and (_is_inflated(meter, best, end_wh) or _is_nothing(meter, best, end_wh)):
        return _not_known(_doubt(best, end_wh))
    if chain is None:
        return _without_end(meter, _doubt(best, end_wh))
    is_right = best is None or chain is best or _outweighs(chain, end_wh, best)
    is_unusual = meter.bound.is_unusual(chain, end_wh, at_us, received_us)
    if is_right and is_unusual and best is not chain and best is not None and _is_unit_of(best, end_wh):
        is_right = None
    if is_right is None and not is_placeholder(end_wh):
        return _not_known(_doubt(best, end_wh))
    if not is_right or (chain.rises > 0 and is_unusual and is_placeholder(end_wh)):
        return _without_end(meter, _doubt(best, end_wh))
    doubt = _doubt_of_chain(meter, chain, end_wh, at_us, received_us)
    return _ended(meter, chain, end_wh) if doubt is None else _not_known(doubt)


def _doubt_of_chain(meter: Meter, chain: Chain, end_wh: int, at_us: int, received_us: int) -> Note | None:
    """Return the note on why a chain does not count though the end goes on with it, or None."""
    is_doubtful = chain.is_doubtful and not any(_is_caught_up(chain, other, end_wh) for other in meter.chains)
    if is_doubtful or any(
        chain.is_reset_by(other) and meter.bound.can_begin_anew(other, end_wh, at_us, received_us)
        for other in meter.chains
    ):
        return Note.READINGS_SET_ASIDE
    if _is_from_placeholder(meter, chain, end_wh, at_us, received_us):
        return Note.FINAL_DOUBTED
    is_kwh = chain.rises == 0 and any(_is_kwh_of(other, chain, end_wh) for other in meter.chains)
    return Note.UNIT_DOUBTFUL if is_kwh else None


def _ending(meter: Meter, end_wh: int, at_us: int, received_us: int) -> Chain | None:
    """Return the chain that a register at the end follows, or None if there is none."""
    ends = [
        chain
        for chain in _with_start(meter)
        if (chain.is_named or chain.has_start or meter.bound.is_likely(chain, end_wh, at_us, received_us))
        and meter.bound.follows(chain, end_wh, at_us, received_us)
        and meter.is_possible(chain.energy_wh + end_wh - chain.last_wh, at_us, received_us)
    ]
    ends = [chain for chain in ends if not _is_from_placeholder(meter, chain, end_wh, at_us, received_us)] or ends
    if not ends:
        return None
    chain = max(ends, key=lambda chain: (chain.is_named or chain.has_start, *chain.rank))
    if not chain.has_start:  # the end may follow both the readings and the start: it belongs to the nearer
        is_unusual = meter.bound.is_unusual(chain, end_wh, at_us, received_us)
        nearer = [
            other
            for other in ends
            if other.has_start
            and (is_unusual or chain.last_wh < other.last_wh <= end_wh)
            and chain.agrees(end_wh - other.base_wh)
        ]
        chain = nearer[0] if nearer else chain
    return chain


def _read_otherwise(meter: Meter, best: Chain, end_wh: int, at_us: int, received_us: int) -> Total | None:
    """Return the total by a register at the end that goes on with the readings once it is read in another way."""
    if not best.has_start or not best.has_risen or best.is_doubtful or end_wh < RESOLUTION_WH or is_placeholder(end_wh):
        return None
    ways = (
        (Note.UNIT_DOUBTFUL, 1000 * end_wh, RESOLUTION_WH),  # kWh
        *((Note.REGISTER_RESET, edge_wh + end_wh, 0) for edge_wh in ROLLOVERS_WH),  # from 0 on
        (Note.COUNTED_FROM_ZERO, best.base_wh - best.before_wh + end_wh, 0),  # the energy of the session
    )
    for note, register_wh, rounding_wh in ways:
        is_next = best.last_wh <= register_wh + rounding_wh
        if is_next and meter.bound.is_likely(best, register_wh + ROUNDING_WH, at_us, received_us):
            total = _ended(meter, best, max(register_wh, best.last_wh))
            return replace(total, notes=total.notes | {note})
    return None


def _is_caught_up(chain: Chain, other: Chain, end_wh: int) -> bool:
    """Whether the end goes on from the higher figure of another chain too, so that both come to one total."""
    is_same_piece = (other.base_wh, other.before_wh) == (chain.base_wh, chain.before_wh)
    return is_same_piece and chain.last_wh < other.last_wh <= end_wh


def _ended(meter: Meter, chain: Chain, end_wh: int) -> Total:
    """Return the total of a chain that goes on to the register at the end."""
    best = meter.best
    ended = replace(chain, last_wh=max(chain.last_wh, end_wh))
    if meter.interval_wh is not None and not chain.has_risen and meter.interval_wh > 2 * ended.energy_wh:
        return Total(meter.interval_wh, frozenset({Note.FINAL_DOUBTED}))  # its register does not count
    notes = _notes(meter, ended)
    if end_wh < chain.last_wh:
        notes |= {Note.FINAL_BELOW_READINGS}
    if best is not None and best is not chain and best.rises > 0:
        notes |= {_note_on_readings(meter, best, ended.energy_wh, end_wh)}
    elif _aside(meter, chain) > 0:
        notes |= {_note_on_aside(meter, end_wh, is_alone=chain.rises == 0)}
    energy_wh = ended.energy_wh if _is_whole(meter, ended) else max(ended.energy_wh, meter.interval_wh or 0)
    return Total(energy_wh, notes, chain, uses_end=True, end_wh=end_wh)


def _without_end(meter: Meter, note: Note) -> Total:
    """Return the total by the readings alone, since there is no register at the end, or it cannot be right."""
    best = meter.best
    if best is not None and best.is_doubtful:
        return _not_known(note)
    if best is not None and note is Note.FINAL_DOUBTED and not best.is_named and best.rises > 0:
        best = None  # figures that name no session against the end's
    if best is not None and best.is_metered:
        if best.is_noise or (best.rises == 0 and any(chain.rises and not chain.is_noise for chain in meter.chains)):
            return _not_known(note)
        is_alone = best.rises == 1
        aside = {_note_on_aside(meter, best.last_wh, is_alone=is_alone)} if _aside(meter, best) > 0 else set()
        # A last rise that is unusual counts if there is nothing else.
        is_noise = best.is_held and best.rises > 1 and is_placeholder(best.last_wh)
        energy_wh = best.sure_wh if is_noise else best.energy_wh
        if _is_too_steep(meter, best, energy_wh):
            return _not_known(note)
        return Total(max(energy_wh, meter.interval_wh or 0), _notes(meter, best) | {note, *aside}, best)
    if meter.interval_wh is not None:
        return Total(meter.interval_wh, frozenset({note}))
    return _not_known(note)


def _doubt(best: Chain | None, end_wh: int) -> Note:
    return Note.FINAL_BELOW_READINGS if best is not None and end_wh < best.last_wh else Note.FINAL_DOUBTED


def _is_inflated(meter: Meter, chain: Chain, end_wh: int) -> bool:
    """Whether a chain that no start vouches for may be in a unit that is a thousandth of the end's."""
    is_sure = chain.has_start and not chain.is_held
    if is_sure or chain.last_wh < end_wh or not is_thousandfold(chain.last_wh, end_wh):
        return False
    return chain.needs(min(meter.max_power_w, USUAL_POWER_W))


def _is_nothing(meter: Meter, chain: Chain, end_wh: int) -> bool:
    """Whether readings whose register stands still may stand for no value, given one at the end that does not."""
    is_still = chain.is_metered and not chain.has_risen and not meter.intervals
    return is_still and is_placeholder(chain.last_wh) and not is_placeholder(end_wh)


def _is_unit_of(chain: Chain, end_wh: int) -> bool:
    """Whether the end is above a chain that the start vouches for as Wh are above kWh."""
    return chain.has_start and end_wh > chain.last_wh and is_thousandfold(chain.energy_wh, end_wh - chain.base_wh)


def _is_from_placeholder(meter: Meter, chain: Chain, end_wh: int, at_us: int, received_us: int) -> bool:
    """Whether an end is far above a register that may have stood for no value, and readings do not confirm it."""
    if chain.rises or meter.figures < 2 or not is_placeholder(chain.last_wh):
        return False
    return meter.bound.is_unusual(chain, end_wh, at_us, received_us)


def _is_kwh_of(other: Chain, chain: Chain, end_wh: int) -> bool:
    """Whether a start and an end may be in kWh, given readings whose register is a thousand times theirs."""
    is_more = other.rises > 0 and other.energy_wh > chain.energy_wh + end_wh - chain.last_wh
    return is_more and is_thousandfold(other.last_wh, end_wh) and not other.needs(USUAL_POWER_W)


def _is_whole(meter: Meter, chain: Chain) -> bool:
    """Whether a chain begins with the session, not with a sample that came later."""
    since_us = between(meter.started_us, meter.start_received_us, chain.at_us, chain.received_us)
    return chain.has_start and since_us <= chain.elapsed_us


def _is_too_steep(meter: Meter, chain: Chain, energy_wh: int) -> bool:
    """Whether a register that no start vouches for has risen faster than the connector can deliver, with no slack."""
    if energy_wh * HOUR_US <= meter.max_power_w * chain.elapsed_us or energy_wh <= chain.before_wh:
        return False
    return not _is_whole(meter, chain)


def _with_start(meter: Meter) -> list[Chain]:
    """Return the meter's chains, and the register at the start alone if it is no longer one of them."""
    chains = list(meter.chains)
    if meter.start_wh is not None and all(chain.last_wh != meter.start_wh for chain in chains):
        chains.append(of_start(meter.start_wh, meter.started_us, meter.start_received_us))
    return chains


def _outweighs(chain: Chain, end_wh: int, best: Chain) -> bool | None:
    """Whether a chain that the register at the end follows outweighs the best of the readings, None if they tie."""
    energy_wh = chain.energy_wh + end_wh - chain.last_wh
    is_believable = best.energy_wh > energy_wh and not best.needs(USUAL_POWER_W)  # or else in another unit
    if (is_thousandfold(best.energy_wh, energy_wh) and not is_believable) or (best.is_inferred and chain.has_start):
        return True
    if best.rises == 0:
        return chain.has_start or best.figures == 1 or not is_placeholder(end_wh)
    is_first_held = best.is_held and chain.rises == 0 and not is_placeholder(best.last_wh)
    if is_first_held and best.rises == 1:
        return None  # one figure against another
    return (is_first_held and best.sure_wh == 0) or _is_better_supported(chain, end_wh, best)


def _is_better_supported(chain: Chain, end_wh: int, best: Chain) -> bool | None:
    energy_wh = chain.energy_wh + end_wh - chain.last_wh
    is_elsewhere = chain.has_start and not chain.has_reset and chain.base_wh != best.base_wh  # than the readings
    agrees_ = best.agrees(energy_wh) or is_thousandfold(best.last_wh, end_wh)
    is_late_reset = chain.has_reset and chain.at_us > best.at_us and (chain.rises > 0 or not is_placeholder(end_wh))
    lead = chain.score + 1 - best.score
    if (is_elsewhere and agrees_) or (is_late_reset and lead >= 0):
        return True
    if not is_elsewhere and not is_late_reset and best.has_start and chain.rises == 0:
        # The end fits the start, the readings do so as well: they may be the total, once for each phase.
        return None if (PHASES - 1) * energy_wh <= best.energy_wh <= PHASES * energy_wh else False
    if lead > 0 or (lead >= -1 and chain.figures > best.figures and not is_placeholder(end_wh)):
        return True
    return None if lead >= -1 or is_elsewhere else False


def _note_on_readings(meter: Meter, best: Chain, total_wh: int, end_wh: int) -> Note:
    """Return the note on readings that the total does not come from."""
    is_elsewhere = (not best.has_start or best.base_wh != meter.start_wh) and best.agrees(total_wh)
    if is_elsewhere and 2 * best.energy_wh >= total_wh:
        return Note.OTHER_REGISTER
    if is_thousandfold(best.energy_wh, total_wh) or is_thousandfold(best.last_wh, end_wh):
        return Note.UNIT_DOUBTFUL
    return Note.OTHER_REGISTER if is_elsewhere else Note.READINGS_SET_ASIDE


def _note_on_aside(meter: Meter, register_wh: int, *, is_alone: bool) -> Note:
    """Return the note on figures outside of a chain, given its last one; `is_alone` if no others prove its unit."""
    is_other_unit = is_alone and is_thousandfold(meter.aside_wh, register_wh)
    return Note.UNIT_DOUBTFUL if is_other_unit else Note.READINGS_SET_ASIDE


def _notes(meter: Meter, chain: Chain) -> frozenset[Note]:
    notes = {Note.START_MISSING} if meter.is_start_replaced else set()
    if chain.has_reset:
        notes.add(Note.REGISTER_RESET)
    if not chain.has_start:
        notes.add(Note.COUNTED_FROM_ZERO if chain.base_wh == 0 and chain.before_wh == 0 else Note.START_MISSING)
    return frozenset(notes)


def _aside(meter: Meter, chain: Chain) -> int:
    """Return how many registers a chain leaves out, a start that it has replaced not counted."""
    is_begun_by_reading = meter.is_start_replaced and chain.base_wh == meter.start_wh
    is_start_replaced = is_begun_by_reading if chain.has_start else meter.start_wh is not None
    return meter.figures - chain.figures - is_start_replaced

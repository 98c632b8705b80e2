"""Owns sessions whose figures are wrong as chargers' are, and what they come to: a table for all versions of OCPP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from polaris.domain.metering import BEGIN, END
from tests.support.depot import readings, session
from tests.support.frames_of import notes

OTHER_REGISTER = frozenset({"other_register"})
ASIDE = frozenset({"readings_set_aside"})
FINAL_DOUBTED = frozenset({"final_doubted"})
START_MISSING = frozenset({"start_missing"})
INFERRED = frozenset({"inferred"})
RESET = frozenset({"register_reset"})
UNIT = frozenset({"unit_doubtful"})
BELOW = frozenset({"final_below_readings"})
UNREADABLE = frozenset({"unreadable"})
PLACEHOLDERS = (-1, 0, 7, 255, 65_535, 2**24 - 1, 9_999_999, 2**31 - 1, 2**32 - 1, 999_999_999_999, 2**53 - 1)
BEYOND_ANY_METER = 10**12  # Wh: such a figure is not kept


@dataclass(frozen=True)
class Sample:
    """A register as it was told at an instant, by a message that names the session or not, perhaps as another text."""

    register_wh: int
    minutes: float
    is_named: bool = True
    context: str = ""
    said: str = ""
    unit: str = ""

    @property
    def text(self) -> str:
        return self.said or str(self.register_wh)

    @property
    def fields(self) -> dict[str, object]:
        return {"unit": self.unit} if self.unit else {}


@dataclass(frozen=True)
class Misread:
    """A session as it is told, its energy, the notes on it, and the registers that are set aside."""

    start_wh: int | None
    samples: tuple[Sample, ...]
    end_wh: int | None
    energy_wh: int | None
    notes: frozenset[str] = frozenset()
    aside: tuple[int, ...] = ()
    minutes: float = 60
    began: float = 0  # minutes, as the others

    def result(self, *, in_data: bool) -> tuple[int | None, frozenset[str], list[int]]:
        """What it comes to, where the end's register is among the samples, or in a field of its own."""
        is_unreadable = in_data and self.end_wh is not None and self.end_wh > BEYOND_ANY_METER
        return self.energy_wh, self.notes | (UNREADABLE if is_unreadable else frozenset()), sorted(self.aside)


def result(number: int) -> tuple[int | None, frozenset[str], list[int]]:
    """Return a session's energy, the notes on it, and the samples that are set aside."""
    rows = [row for row in readings(number) if row.set_aside and row.context not in (BEGIN, END)]
    aside = [row.register_wh for row in rows if row.register_wh is not None]
    return session(number).energy_wh, frozenset(notes(number) - {"replayed_offline", "gap"}), sorted(aside)


def is_shown_rightly(shown: list[int | None], energy_wh: int | None) -> bool:
    """Whether nothing that was shown on the way is more than the energy, or less than what was shown before."""
    known = [one for one in shown if one is not None]
    return known == sorted(known) and max(known, default=0) <= (energy_wh or 0)


def every(minutes: float, *registers: int | Sample) -> tuple[Sample, ...]:
    """Registers so many minutes apart."""
    return tuple(
        one if isinstance(one, Sample) else Sample(one, number * minutes)
        for number, one in enumerate(registers, start=1)
    )


def unnamed(register_wh: int, minutes: float, context: str = "Sample.Clock") -> Sample:
    return Sample(register_wh, minutes, is_named=False, context=context)


def _begin(register_wh: int, beside: Sample) -> Sample:
    """The register at the begin, as some chargers repeat it with each of the others."""
    return Sample(register_wh, beside.minutes, context=BEGIN)


def with_wrong(wrong: Iterable[int], place: int) -> Misread:
    """A session of 6 kWh with wrong samples before its `place`-th."""
    wrong = tuple(wrong)
    registers = [1_001_000, 1_003_000, 1_005_000]
    registers[place:place] = wrong
    kept = tuple(one for one in wrong if one < BEYOND_ANY_METER)
    notes = (ASIDE if kept else frozenset()) | (UNREADABLE if len(kept) < len(wrong) else frozenset())
    return Misread(1_000_000, every(5, *registers), 1_006_000, 6000, notes, kept)


def note_on_end(end_wh: int, last_wh: int) -> frozenset[str]:
    if end_wh > BEYOND_ANY_METER:
        return frozenset({"final_missing"})
    return frozenset({"final_below_readings"}) if end_wh < last_wh else FINAL_DOUBTED


OTHER_REGISTERS = [
    Misread(4_076_221, every(12, 104, 228, 10_353, 20_400), 4_096_721, 20_500, OTHER_REGISTER),
    Misread(0, every(12, 4_076_300, 4_076_500, 4_086_000, 4_096_600), 20_500, 20_500, OTHER_REGISTER),
    Misread(12_000_000, every(12, 0, 0, 300, 600), 12_000_900, 900, OTHER_REGISTER),
    Misread(88_000, every(10, 900, 1900, 2900, 3900, 4800), 93_000, 5000, OTHER_REGISTER),
    Misread(1_000_000, every(15, 5_000_100, 5_003_000, 5_006_000), 1_006_500, 6500, OTHER_REGISTER),
    Misread(7_000_000, every(15, 2_000_100, 2_003_000, 2_006_000), 7_006_500, 6500, OTHER_REGISTER),
]
WRONG_SAMPLES = [
    *[with_wrong([wrong_wh], (0, 1, 3)[number % 3]) for number, wrong_wh in enumerate(PLACEHOLDERS)],
    *[with_wrong([wrong_wh] * 3, (1, 3, 0)[number % 3]) for number, wrong_wh in enumerate(PLACEHOLDERS)],
    with_wrong([2**32 - 1, 0, 65_535], 1),
    with_wrong([0, 2**31 - 1, -5], 0),
    with_wrong([7, 2**24 - 1], 3),
    Misread(4_076_000, every(15, 4_077_000, 2**32 - 1, 4_079_000), 4_082_000, 6000, ASIDE, (2**32 - 1,)),
    Misread(9_000, every(15, 9_500, 9_999_999, 10_500), 11_000, 2000, ASIDE, (9_999_999,)),
]
WRONG_ENDS = [
    Misread(1_000_000, every(15, 1_001_000, 1_003_000, 1_005_000), wrong_wh, 5000, note_on_end(wrong_wh, 1_005_000))
    for wrong_wh in PLACEHOLDERS
]
NOT_KNOWN = [
    Misread(1_000_000, (), 2**32 - 1, None, frozenset({"final_doubted", "not_known"})),
    Misread(1_000_000, (), 0, None, frozenset({"final_below_readings", "not_known"})),
    Misread(1_000_000, (), 1_450_000, None, frozenset({"final_doubted", "not_known"})),
]
FALSE_SAMPLES = [  # which the connector could have delivered, of a register too high to have begun anew since
    Misread(1_000_000, every(15, 1_001_500, 1_090_000, 1_004_500), 1_006_000, 6000, ASIDE, (1_090_000,)),
    Misread(1_000_000, every(15, 1_080_000, 1_003_000, 1_004_500), 1_006_000, 6000, ASIDE, (1_080_000,)),
    Misread(1_000_000, every(10, 1_001_000, 1100, 1_002_000, 2200, 1_003_000), 1_006_000, 6000, ASIDE, (1100, 2200)),
]
ENDS_READ_OTHERWISE = [
    Misread(5_324_000, every(20, 5_326_000, 5_328_000), 5330, 6000, UNIT),
    Misread(1_000_000, every(20, 1_002_000, 1_004_000), 6000, 6000, frozenset({"counted_from_zero"})),
    Misread(999_998_000, every(20, 999_999_000), 4000, 6000, RESET),
    Misread(2**32 - 2000, every(20, 2**32 - 1000), 4000, 6000, RESET),
]
STARTS_OF_NO_VALUE = [  # and a single reading of the register that the end has
    Misread(0, (Sample(299_100, 1),), 305_000, 5900, START_MISSING),
    Misread(1, (Sample(305_000, 2),), 306_000, 1000, START_MISSING),
    Misread(65_535, (Sample(302_000, 30),), 305_000, 3000, START_MISSING),
    Misread(0, every(10, 0, 0), 305_000, None, FINAL_DOUBTED | {"not_known"}),
    Misread(0, every(10, 0, 0), 90_000, None, FINAL_DOUBTED | {"not_known"}),
]
STALE_STARTS = [  # of an earlier session, further below than the connector can have delivered
    Misread(900_000, every(10, *range(1_001_000, 1_006_000, 1000)), 1_006_000, 5000, START_MISSING),
    Misread(970_000, (Sample(1_000_100, 1), Sample(1_003_000, 30)), 1_006_000, 5900, START_MISSING),
]
METERS_BEGUN_ANEW = [
    Misread(1_000_000, every(10, 1_001_000, 1_002_000, 300, 1300, 100, 1100), 2100, 5000, RESET, minutes=70),
    Misread(1_000_000, every(10, 1_001_000, 1_002_000, 77_000_000, 77_001_000, 77_002_000), 77_003_000, 5000, RESET),
    Misread(999_998_000, every(10, 999_999_000, 1000, 2000), 4000, 6000, RESET),
    Misread(2**31 - 2000, every(10, 2**31 - 1000, 0, 1000), 4000, 6000, RESET),
]
UNITS_OF_ENDS = [
    Misread(5324, every(20, 5_326_000, 5_328_000), 5330, None, UNIT | {"not_known"}),
    Misread(0, (), 4_500_000, None, FINAL_DOUBTED | {"not_known"}, minutes=0, began=-3 * 24 * 60),
]
TOO_FAST = [  # for the connector as it is known
    Misread(
        1_000_000,
        every(1, *[1_000_000 + n * rise_wh for n in range(1, 20)]),
        1_000_000 + 20 * rise_wh,
        None,
        frozenset({"power_exceeded", "not_known"}),
        minutes=20,
    )
    for rise_wh in (8500, 10_000, 16_650)
]
UNNAMED_SAMPLES = [
    Misread(
        0,
        (Sample(895, 5), unnamed(5_324_870, 10), Sample(1900, 15), Sample(2900, 20)),
        3000,
        3000,
        ASIDE,
        aside=(5_324_870,),
        minutes=25,
    ),
    Misread(
        0,
        (unnamed(5_324_870, 5), Sample(895, 10), Sample(1900, 15), Sample(2900, 20)),
        3000,
        3000,
        ASIDE,
        aside=(5_324_870,),
        minutes=25,
    ),
    Misread(
        0,
        (unnamed(5_324_870, 5), unnamed(5_325_900, 10), Sample(1900, 15), Sample(2900, 20), unnamed(5_327_600, 22)),
        3000,
        3000,
        ASIDE,
        aside=(5_324_870, 5_325_900, 5_327_600),
        minutes=25,
    ),
    Misread(
        5_324_000,
        (Sample(5_324_895, 5), unnamed(895, 10), Sample(5_325_900, 15), unnamed(1900, 17), Sample(5_326_900, 20)),
        5_327_000,
        3000,
        ASIDE,
        aside=(895, 1900),
        minutes=25,
    ),
    Misread(
        1000,
        (Sample(1500, 5), unnamed(2000, 10), Sample(2500, 15), unnamed(3000, 20)),
        3500,
        2500,
        INFERRED,
        minutes=25,
    ),
]
PLACEHOLDER_STARTS = [
    Misread(start_wh, (Sample(300_000, 1), Sample(303_000, 30)), 305_000, 5000, START_MISSING)
    for start_wh in (0, 1, 65_535, 2**32 - 1, 999_999_999)
] + [
    Misread(0, (Sample(300_000, 1), Sample(303_000, 30), Sample(307_000, 50)), 309_000, 9000, START_MISSING),
    Misread(0, (Sample(12_300_000, 1), Sample(12_303_000, 30)), 12_305_000, 5000, START_MISSING),
]
WRONG_UNITS = [
    Misread(0, every(5, 150_000, 300_000), 334, 334, UNIT, (150_000, 300_000), minutes=15),
    Misread(0, every(20, 150_000, 300_000), 334, 334, UNIT, (150_000, 300_000)),
    Misread(1_000_000, every(20, 1004, 1008), 1_012_000, 12_000, UNIT, (1004, 1008)),
    Misread(
        1_000_000, every(20, 1_004_000_000, 1_008_000_000), 1_012_000, 12_000, UNIT, (1_004_000_000, 1_008_000_000)
    ),
    Misread(0, (Sample(1100, 10), Sample(3400, 30)), 3, 3400, BELOW),
    Misread(0, (Sample(1100, 10), Sample(3400, 30)), 4, 3400, BELOW),
    Misread(5_324_000, (Sample(5_325_100, 10), Sample(5_327_400, 30)), 5327, 3400, UNIT),
]
STUCK_CLOCKS = [
    Misread(1000, every(0, *range(1150, 2500, 150)), 2600, 1600, minutes=0),
    Misread(1000, every(0, 1500, 2**31 - 1, 2000, 0, 2500), 3000, 2000, ASIDE, (2**31 - 1, 0), minutes=0),
    Misread(None, (Sample(1000, 9), Sample(1500, 9), Sample(2000, 9)), 3000, 2000, START_MISSING, minutes=9),
    Misread(0, (Sample(400, 1), Sample(800, 1), Sample(1200, 2), Sample(1600, 2)), 2000, 2000, minutes=3),
]


def spelled(said: str, unit: str, minutes: float) -> Sample:
    return Sample(0, minutes, said=said, unit=unit)


SPELLINGS = [
    Misread(4_076_000, (spelled("4077.1", "kwh", 10), spelled("4079.5", "KWH", 30)), 4_080_000, 4000),
    Misread(4_076_000, (spelled("4077100", "wh", 10), spelled(" 4079500 ", "WH", 30)), 4_080_000, 4000),
    Misread(4_076_000, (spelled("4077.1 kWh", "kWh", 10), spelled("4079500Wh", "", 30)), 4_080_000, 4000),
    Misread(4_076_000, (spelled("4.0771E6", "Wh", 10), spelled("+4079500.0", "", 30)), 4_080_000, 4000),
    Misread(4_076_000, (spelled("4077.1 kWh", "Wh", 10), spelled("4079500", "W", 30)), 4_080_000, 4000, UNREADABLE),
    *[
        Misread(4_076_000, (spelled(said, "kWh", 10), Sample(4_079_500, 30)), 4_080_000, 4000, UNREADABLE)
        for said in ("4077,104", "4,077.104", "NaN", "Infinity", "null", "n/a")
    ],
]
REPEATED_BEGINS = [
    Misread(
        start_wh,
        tuple(one for sample in every(12, *registers) for one in (_begin(begin_wh, sample), sample)),
        end_wh,
        energy_wh,
        notes,
    )
    for start_wh, begin_wh, registers, end_wh, energy_wh, notes in (
        (157_440, 157_440, (158_440, 159_440), 162_440, 5000, frozenset()),
        (0, 0, (2, 1000, 3000), 5000, 5000, frozenset()),
        (235_800, 0, (2, 1000, 3000), 240_800, 5000, OTHER_REGISTER),
    )
]
AHEAD = frozenset({"clock_corrected"})
CLOCKS_AHEAD = [
    Misread(
        1_000_000,
        (Sample(1_001_000, began + 0.1), Sample(wrong_wh, began + 0.2), Sample(1_003_000, began + 0.3)),
        1_006_000,
        6000,
        AHEAD | ASIDE,
        (wrong_wh,),
        minutes=began + 0.4,
        began=began,
    )
    for began in (180, 240, 840)
    for wrong_wh in (2**32 - 1, 1_200_000)
]

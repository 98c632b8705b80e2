"""Metering: units, defaults, phases, what is refused, and energy that never falls."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.metering import Reading, Sample, is_unreadable, merged, readings

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def reading(*samples: Sample, energy_unit: str = "") -> Reading | None:
    """The only reading of samples that were sent together, or None."""
    found = readings([(AT, samples)], energy_unit=energy_unit)
    assert len(found) <= 1
    return found[0] if found else None


def register(*samples: Sample) -> int | None:
    found = reading(*samples)
    return found and found.register_wh


@pytest.mark.parametrize(
    ("sample", "expected_wh"),
    [
        (Sample("1500"), 1500),  # missing measurand and unit: the energy register in Wh
        (Sample("1.5", unit="kWh"), 1500),
        (Sample("1500", "Energy.Active.Import.Register", "Wh"), 1500),
        (Sample("12.3456", unit="kWh"), 12346),
        (Sample(" 7 "), 7),
        (Sample("2.5"), 2),  # half to even
        (Sample("-3"), -3),
    ],
)
def test_register_in_whole_wh(sample: Sample, expected_wh: int) -> None:
    assert register(sample) == expected_wh


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999999999999",
        "",
        "1,5",
        "0x10",
        "1e400",
        "1e1000000",
        "-1e1000000",
        "9" * 60,
        "abc",
        "1 2",
    ],
)
def test_non_number_refused_alone(value: str) -> None:
    power, unreadable = readings([(AT, [Sample(value), Sample("7200", "Power.Active.Import", "W")])])
    assert (power.register_wh, power.power_w) == (None, 7200)
    assert is_unreadable(unreadable)


@pytest.mark.parametrize("sample", [Sample("5", unit="varh"), Sample("5", unit="W"), Sample("5", unit="k" * 1000)])
def test_unknown_unit_is_unreadable(sample: Sample) -> None:
    (found,) = readings([(AT, [sample])])
    assert is_unreadable(found)


@pytest.mark.parametrize(
    ("sample", "expected_wh"),
    [
        (Sample("1.5", unit="kwh"), 1500),
        (Sample("1.5", unit=" KWH "), 1500),
        (Sample("1500", unit="wh"), 1500),
        (Sample("1500", "energy.active.import.register", "WH"), 1500),
        (Sample("1.5 kWh"), 1500),
        (Sample("1.5kWh", unit="kWh"), 1500),
        (Sample(" 1500 Wh ", unit="Wh"), 1500),
    ],
)
def test_units_as_they_are_spelled(sample: Sample, expected_wh: int) -> None:
    assert register(sample) == expected_wh


@pytest.mark.parametrize("sample", [Sample("1.5 kWh", unit="Wh"), Sample("1.5 kW"), Sample("1.5 h"), Sample("kWh")])
def test_contradicting_unit_in_text(sample: Sample) -> None:
    (found,) = readings([(AT, [sample])])
    assert is_unreadable(found)


@pytest.mark.parametrize(
    "sample",
    [
        Sample("5", "Energy.Active.Export.Register", "Wh"),
        Sample("5", "Energy.Active.Export.Interval", "Wh"),
        Sample("21", "Temperature", "Celcius"),
        Sample("5", "Vendor.Thing", "Bananas"),
        Sample("5", location="Inlet"),
        Sample("140", "SoC", "Percent"),
        Sample("-1", "SoC"),
    ],
)
def test_unkept_measurands_ignored(sample: Sample) -> None:
    assert reading(sample) is None


def test_total_outranks_phases() -> None:
    phases = [
        Sample(str(v), "Power.Active.Import", "W", phase) for v, phase in ((2000, "L1"), (2100, "L2"), (2200, "L3"))
    ]
    assert reading(*phases).power_w == 6300
    assert reading(*phases, Sample("6.4", "Power.Active.Import", "kW")).power_w == 6400


def test_one_reading_per_instant() -> None:
    found = reading(
        Sample("1000", context="Sample.Clock"),
        Sample("11", "Power.Active.Import", "kW"),
        Sample("55", "SoC", "Percent"),
    )
    assert (found.register_wh, found.power_w, found.soc_percent, found.context) == (1000, 11000, 55, "Sample.Clock")


@given(st.lists(st.builds(Sample, *[st.text(max_size=30)] * 7), max_size=10))
def test_no_sample_breaks_reading(samples: list[Sample]) -> None:
    for found in readings([(AT, samples), (AT, samples)]):
        assert found.soc_percent is None or 0 <= found.soc_percent <= 100


@pytest.mark.field(32)
def test_signed_data_kept_raw_sibling_counts() -> None:
    signed = Sample("OCMF|{...}", format="SignedData")
    found = reading(signed, Sample("1.5", unit="kWh", format="Raw"))
    assert found is not None
    assert (found.register_wh, found.signed_data) == (1500, "OCMF|{...}")
    alone = reading(signed)
    assert alone is not None
    assert (alone.register_wh, alone.signed_data) == (None, "OCMF|{...}")


@pytest.mark.field(29)
def test_operator_unit_outranks_charger() -> None:
    found = reading(Sample("1.5", unit="Wh"), Sample("7", "Power.Active.Import", "kW"), energy_unit="kWh")
    assert found is not None
    assert (found.register_wh, found.power_w) == (1500, 7000)


POWER, INTERVAL, SOC = "Power.Active.Import", "Energy.Active.Import.Interval", "SoC"
BEGIN, END, CLOCK, TRIGGER = "Transaction.Begin", "Transaction.End", "Sample.Clock", "Trigger"


@pytest.mark.field(115)
@pytest.mark.parametrize(
    ("by_location", "expected_wh"),
    [
        ({"Body": 700}, 700),
        ({"Cable": 700}, 700),
        ({"Body": 700, "Cable": 800}, 800),
        ({"Inlet": 900, "Body": 700, "Outlet": 600}, 600),
        ({"Inlet": 900, "": 700}, 700),
        ({"Inlet": 900, "Body": 700, "": 600}, 600),
        ({"": 700, "Outlet": 600}, 600),
        ({"Inlet": 900}, None),
        ({"EV": 900}, None),
        ({"Upstream": 900}, None),
        ({"outlet": 700}, 700),
        ({"BODY": 700, " cable": 800}, 800),
        ({"inlet": 900, "OUTLET": 700, "body": 600}, 700),
        ({"inlet": 900}, None),
        ({"UPSTREAM": 900, "": 700}, 700),
    ],
)
def test_nearest_location_to_outlet(by_location: dict[str, int], expected_wh: int | None) -> None:
    samples = [Sample(str(wh), location=location) for location, wh in by_location.items()]
    assert register(*samples) == register(*reversed(samples)) == expected_wh


@pytest.mark.field(115)
def test_location_of_each_measurand() -> None:
    found = reading(
        Sample("5", POWER, "kW", location="Inlet"),
        Sample("1000", location="Outlet"),
        Sample("4", POWER, "kW", location="Body"),
        Sample("44", SOC, location="EV"),
    )
    assert found == Reading(AT, register_wh=1000, power_w=4000, soc_percent=44)


@pytest.mark.field(115)
@pytest.mark.parametrize("location", ["EV", "ev", "", "Outlet", "Body", "Inlet"])
def test_soc_at_any_location(location: str) -> None:
    assert reading(Sample("44", SOC, location=location)).soc_percent == 44
    elsewhere = Sample("90", SOC, location="Inlet")
    if location != "Inlet":
        assert reading(elsewhere, Sample("44", SOC, location=location)).soc_percent == 44


@pytest.mark.field(119)
@pytest.mark.parametrize("begin", ["transaction.begin", "TRANSACTION_BEGIN", "Transaction.Begin "])
def test_contexts_in_any_spelling(begin: str) -> None:
    (first, second) = readings([(AT, [Sample("1000", context=begin), Sample("1500", context="sample.periodic")])])
    assert (first.context, first.register_wh) == ("Transaction.Begin", 1000)
    assert (second.context, second.register_wh) == ("Sample.Periodic", 1500)
    (only,) = readings([(AT, [Sample("1000", context=begin)])])
    assert only.context == "Transaction.Begin"


@pytest.mark.field(115)
@pytest.mark.parametrize("location", ["Upstream", "inlet", "Inlet"])
def test_unreadable_upstream_is_no_reading(location: str) -> None:
    assert readings([(AT, [Sample("x", location=location)])]) == ()


@pytest.mark.field(115)
def test_phases_of_one_location() -> None:
    inlet = [Sample("900", phase=phase, location="Inlet") for phase in ("L1", "L2", "L3")]
    body = [Sample("100", phase=phase, location="Body") for phase in ("L1", "L2", "L3")]
    assert register(*inlet, *body) == 300
    assert register(*inlet, *body, Sample("290", location="Outlet", phase="L1")) == 290


@pytest.mark.field(115)
@pytest.mark.parametrize("unit", ["", "%", "Percent"])
@pytest.mark.parametrize("location", ["", "EV", "Outlet", "Body"])
def test_soc_units(unit: str, location: str) -> None:
    assert reading(Sample("44", SOC, unit, location=location)) == Reading(AT, soc_percent=44)


@pytest.mark.field(30)
@pytest.mark.parametrize(
    ("phases", "expected_wh"),
    [
        ({"L1": 5, "L2": 6, "L3": 7}, 18),
        ({"L1-N": 5, "L2-N": 6, "L3-N": 7, "L1-L2": 100, "L2-L3": 100, "L3-L1": 100}, 18),
        ({"L1": 5, "L2": 6, "L3": 7, "": 17}, 17),
        ({"L1": 18}, 18),
        ({"L1-L2": 100, "L2-L3": 100}, None),
        ({"N": 3}, None),
    ],
)
def test_phases(phases: dict[str, int], expected_wh: int | None) -> None:
    assert register(*[Sample(str(wh), phase=phase) for phase, wh in phases.items()]) == expected_wh


@pytest.mark.field(121)
def test_entry_for_each_phase() -> None:
    entries = [(AT, [Sample(str(wh), phase=phase)]) for phase, wh in (("L1", 5), ("L2", 6), ("L3", 7))]
    assert readings(entries) == (Reading(AT, register_wh=18),)
    assert readings([*entries, (AT, [Sample("40", SOC)])]) == (Reading(AT, register_wh=18, soc_percent=40),)


@pytest.mark.field(122)
def test_entries_of_stuck_clock() -> None:
    entries = [(AT, [Sample(str(wh)), Sample("7", POWER, "kW")]) for wh in (1000, 1100, 1200)]
    assert [found.register_wh for found in readings(entries)] == [1000, 1100, 1200]


@pytest.mark.field(119)
def test_begin_and_end_apart() -> None:
    found = readings(
        [
            (
                AT,
                [
                    Sample("3000", context=END),
                    Sample("2900"),
                    Sample("1000", context=BEGIN),
                    Sample("50", SOC, context=CLOCK),
                    Sample("2800", context=CLOCK),
                ],
            )
        ]
    )
    assert found == (
        Reading(AT, BEGIN, 1000),
        Reading(AT, "Sample.Periodic", 2900, soc_percent=50),
        Reading(AT, END, 3000),
    )


@pytest.mark.field(119)
def test_samples_without_context() -> None:
    assert reading(Sample("1000", context=BEGIN), Sample("0", POWER)) == Reading(AT, BEGIN, 1000, 0)
    apart = (Reading(AT, BEGIN, 1000), Reading(AT, "Sample.Periodic", 1500))
    assert readings([(AT, [Sample("1500"), Sample("1000", context=BEGIN)])]) == apart
    assert reading(Sample("1500", context=TRIGGER), Sample("1400", context=CLOCK)) == Reading(AT, TRIGGER, 1500)


@pytest.mark.field(120)
def test_intervals_of_contexts_apart() -> None:
    said = [Sample("30", INTERVAL, context=CLOCK), Sample("10", INTERVAL, context="Sample.Periodic"), Sample("1000")]
    assert readings([(AT, said)]) == (
        Reading(AT, "Sample.Periodic", 1000, interval_wh=10),
        Reading(AT, CLOCK, interval_wh=30),
    )
    assert readings([(AT, [Sample("9", INTERVAL, context=END), *said])])[-1] == Reading(AT, END, interval_wh=9)


@pytest.mark.field(32)
def test_signed_data_of_each_context() -> None:
    said = [Sample(context, context=context, format="SignedData") for context in (BEGIN, END, CLOCK, TRIGGER)]
    assert [(found.context, found.signed_data) for found in readings([(AT, said)])] == [
        (BEGIN, BEGIN),
        (CLOCK, f"{CLOCK}\n{TRIGGER}"),
        (END, END),
    ]


def test_samples_of_one_instant_merged() -> None:
    folded = merged(
        [
            Reading(AT, "Transaction.Begin", register_wh=7),
            Reading(AT, "Sample.Clock", register_wh=7, power_w=100),
            Reading(AT.replace(hour=11), soc_percent=3),
            Reading(AT, "Sample.Clock", soc_percent=40),
            Reading(AT, "Sample.Clock", register_wh=9),
        ]
    )
    assert folded == [
        Reading(AT.replace(hour=11), soc_percent=3),
        Reading(AT, "Transaction.Begin", register_wh=7, power_w=100, soc_percent=40),
        Reading(AT, "Sample.Clock", register_wh=9),
    ]


@pytest.mark.field(46)
@pytest.mark.timeout(10)
def test_hostile_samples_cost_little() -> None:
    """As many as a message can hold, each with a phase or a context of its own."""
    phases = [Sample("5", phase=str(number)) for number in range(5000)]
    assert readings([(AT, phases)]) == ()
    contexts = [Sample("5", INTERVAL, context=str(number)) for number in range(5000)]
    assert len(readings([(AT, contexts)])) == len(readings([(AT, [sample]) for sample in contexts])) == 5000

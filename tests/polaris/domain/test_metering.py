"""Metering: units, defaults, phases, what is refused, and energy that never falls."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.metering import Reading, Sample, merged, reading

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def register(*samples: Sample) -> int | None:
    found = reading(AT, samples)
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
    "value", ["NaN", "Infinity", "-Infinity", "1e999999999999", "", "1,5", "0x10", "1e400", "9" * 60, "abc", "1 2"]
)
def test_non_number_refused_alone(value: str) -> None:
    found = reading(AT, [Sample(value), Sample("7200", "Power.Active.Import", "W")])
    assert found is not None
    assert found.register_wh is None
    assert found.power_w == 7200


@pytest.mark.parametrize(
    "sample",
    [
        Sample("5", "Energy.Active.Export.Register", "Wh"),
        Sample("5", "Energy.Active.Export.Interval", "Wh"),
        Sample("21", "Temperature", "Celcius"),
        Sample("5", "Vendor.Thing", "Bananas"),
        Sample("5", unit="varh"),
        Sample("5", location="Inlet"),
        Sample("140", "SoC", "Percent"),
        Sample("-1", "SoC"),
    ],
)
def test_unkept_measurands_ignored(sample: Sample) -> None:
    assert reading(AT, [sample]) is None


def test_total_outranks_phases() -> None:
    phases = [
        Sample(str(v), "Power.Active.Import", "W", phase) for v, phase in ((2000, "L1"), (2100, "L2"), (2200, "L3"))
    ]
    assert reading(AT, phases).power_w == 6300
    assert reading(AT, [*phases, Sample("6.4", "Power.Active.Import", "kW")]).power_w == 6400


def test_one_reading_per_instant() -> None:
    found = reading(
        AT,
        [
            Sample("1000", context="Sample.Clock"),
            Sample("11", "Power.Active.Import", "kW"),
            Sample("55", "SoC", "Percent"),
        ],
    )
    assert (found.register_wh, found.power_w, found.soc_percent, found.context) == (1000, 11000, 55, "Sample.Clock")


@given(st.lists(st.builds(Sample, *[st.text(max_size=30)] * 7), max_size=10))
def test_no_sample_breaks_reading(samples: list[Sample]) -> None:
    found = reading(AT, samples)
    assert found is None or (found.soc_percent is None or 0 <= found.soc_percent <= 100)


@pytest.mark.field(32)
def test_signed_data_kept_raw_sibling_counts() -> None:
    signed = Sample("OCMF|{...}", format="SignedData")
    found = reading(AT, [signed, Sample("1.5", unit="kWh", format="Raw")])
    assert found is not None
    assert (found.register_wh, found.signed_data) == (1500, "OCMF|{...}")
    alone = reading(AT, [signed])
    assert alone is not None
    assert (alone.register_wh, alone.signed_data) == (None, "OCMF|{...}")


@pytest.mark.field(29)
def test_operator_unit_outranks_charger() -> None:
    found = reading(AT, [Sample("1.5", unit="Wh"), Sample("7", "Power.Active.Import", "kW")], energy_unit="kWh")
    assert found is not None
    assert (found.register_wh, found.power_w) == (1500, 7000)


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
        Reading(AT, "Transaction.Begin", register_wh=7, power_w=100, soc_percent=40),
        Reading(AT.replace(hour=11), soc_percent=3),
        Reading(AT, "Sample.Clock", register_wh=9),
    ]

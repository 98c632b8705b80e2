"""Settings of a charger that matter for sessions, and the values that are recommended for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from polaris.domain.sentences import N_

MAX_SAMPLE_INTERVAL_S = 60
REGISTER = "Energy.Active.Import.Register"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommended value of a setting. `value` is what it is set to if it is not."""

    names: tuple[str, ...]  # in OCPP 1.6, and Component.Variable in 2.x
    is_good: Callable[[str], bool]
    value: str
    why: str
    may_be_missing: bool = False  # OCPP lets a charger do without it


def _is_short(value: str) -> bool:
    return value.strip().isdecimal() and 0 < int(value[:9]) <= MAX_SAMPLE_INTERVAL_S


def _has_register(value: str) -> bool:
    return REGISTER in {measurand.strip() for measurand in value.split(",")}


def _is(wanted: str) -> Callable[[str], bool]:
    return lambda value: value.strip().casefold() == wanted


RECOMMENDED = (
    Recommendation(
        ("MeterValueSampleInterval", "SampledDataCtrlr.TxUpdatedInterval"),
        _is_short,
        "10",
        N_("Readings come so rarely that drivers see no progress."),
    ),
    Recommendation(
        ("MeterValuesSampledData", "SampledDataCtrlr.TxUpdatedMeasurands"),
        _has_register,
        f"{REGISTER},Power.Active.Import",
        N_("Readings have no energy."),
    ),
    Recommendation(
        ("StopTransactionOnEVSideDisconnect", "TxCtrlr.StopTxOnEVSideDisconnect"),
        _is("true"),
        "true",
        N_("A session goes on when the car has gone."),
    ),
    Recommendation(
        ("StopTransactionOnInvalidId", "TxCtrlr.StopTxOnInvalidId"),
        _is("true"),
        "true",
        N_("A card that is refused after the start charges on."),
    ),
    Recommendation(
        ("AllowOfflineTxForUnknownId", "AuthCtrlr.OfflineTxForUnknownIdEnabled"),
        _is("false"),
        "false",
        N_("Anybody charges while the charger is offline."),
        may_be_missing=True,
    ),
)

"""The signed values of a session's meter, each with whether its signature fits the meter's key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from babel.numbers import format_decimal
from msgspec import Struct
from peewee import fn

from polaris.domain import ocmf
from polaris.domain.ocmf import Checked, Reason, Verdict
from polaris.models import Charger, ChargingSession, MeterReading, blocking
from polaris.rendering.filters import NOTHING
from polaris.rendering.translations import gettext, locale

MAX_ROWS = 100  # each is verified while the page is made, in a third of a millisecond


class Signed(Struct, frozen=True):
    """A signed value that came with the reading of an instant, and the reader's words for it."""

    at: datetime
    kwh: str  # what it says: one figure, or the first and the last
    verdict: Verdict
    text: str


class Signatures(Struct, frozen=True):
    """The newest signed values of a session, newest first: the argument of `sessions/_signatures.html`."""

    number: int
    rows: tuple[Signed, ...]


def signatures(number: int) -> Signatures | None:
    """Check a session's signed values against its charger's meter keys; return None if it has none."""
    rows = tuple(Signed(at, _kwh(checked), checked.verdict, _text(checked)) for at, checked in _checked(number))
    return Signatures(number, rows) if rows else None


@blocking
def _checked(number: int) -> list[tuple[datetime, Checked]]:
    return list(islice(_verified(number), MAX_ROWS))


def _verified(number: int) -> Iterator[tuple[datetime, Checked]]:
    """Yield each value once: a charger may send one again with later readings."""
    signed_data = fn.SUBSTR(MeterReading.signed_data, 1, ocmf.MAX_LENGTH + 1)
    query: Any = (
        MeterReading.select(MeterReading.sampled_at, signed_data, Charger.meter_public_key)
        .join(ChargingSession)
        .join(Charger)
        .where(MeterReading.session == number, MeterReading.signed_data != "")
        .order_by(MeterReading.sampled_at.desc())
        .limit(MAX_ROWS)
    )
    seen: set[str] = set()
    for sampled_at, signed, keys in query.tuples():
        for value in ocmf.values(signed):
            if value not in seen:
                seen.add(value)
                yield sampled_at, ocmf.verify(value, keys)


def _kwh(checked: Checked) -> str:
    readings = checked.value.readings if checked.value else ()
    energies = [reading.energy_wh for reading in readings if reading.energy_wh is not None]
    ends = dict.fromkeys([*energies[:1], *energies[-1:]])
    return " – ".join(format_decimal(wh / 1000, "#,##0.00####", locale=locale()) for wh in ends) or NOTHING


def _text(checked: Checked) -> str:
    if checked.verdict is Verdict.CANNOT_CHECK:
        algorithm = checked.value.algorithm if checked.value else ""
        return {
            Reason.FORMAT: gettext("This signed value is not in the format OCMF: it cannot be checked."),
            Reason.UNSIGNED: gettext("The value ends before its signature: it cannot be checked."),
            Reason.ALGORITHM: gettext(
                "It is signed with %(algorithm)s, which cannot be checked here.", algorithm=algorithm
            ),
            Reason.KEY: gettext("The key that was entered is not one for %(algorithm)s.", algorithm=algorithm),
        }[checked.reason]
    return {
        Verdict.FITS: gettext("The signature fits this meter's key."),
        Verdict.NO_KEY: gettext("Nobody has entered this meter's key: it cannot be checked."),
        Verdict.DOES_NOT_FIT: gettext("The signature does not fit."),
    }[checked.verdict]

"""The signed values of a session's meter, each with whether its signature fits the meter's key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from babel.numbers import format_decimal
from peewee import fn

from polaris.domain import ocmf
from polaris.domain.ocmf import Checked, Reason, Verdict
from polaris.models import Charger, ChargingSession, MeterReading
from polaris.rendering.filters import NOTHING
from polaris.rendering.translations import gettext, locale
from polaris.web.sessions.view import Signed

MAX_ROWS = 100  # each is verified while the page is made, in a third of a millisecond
MAX_VERIFIED = 1000  # values; without them, every push of a page would verify its values again

_verify = lru_cache(maxsize=MAX_VERIFIED)(ocmf.verify)


def signatures(number: int) -> tuple[Signed, ...]:
    """Check a session's newest signed values against its charger's meter keys; return them newest first.

    The caller has a database connection.
    """
    checked = islice(_verified(number), MAX_ROWS)
    return tuple(Signed(at, _kwh(value), value.verdict, _text(value)) for at, value in checked)


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
                yield sampled_at, _verify(value, keys)


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

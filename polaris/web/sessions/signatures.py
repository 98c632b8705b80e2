"""The signed values of a session's meter, each with whether its signature fits the meter's key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby, islice
from operator import attrgetter
from typing import NamedTuple

from babel.numbers import format_decimal

from polaris.domain import ocmf
from polaris.domain.ocmf import Checked, Reason, Verdict
from polaris.models import Charger, MeterReading, RowQuery
from polaris.rendering.filters import NOTHING
from polaris.rendering.translations import gettext, locale
from polaris.web.sessions.view import Signed

MAX_ROWS = 100  # each is verified while the page is made, in a third of a millisecond
MAX_VERIFIED = 1000  # values; without them, every push of a page would verify its values again

_verify = lru_cache(maxsize=MAX_VERIFIED)(ocmf.verify)


class _Row(NamedTuple):
    """A reading with signed values, and the keys of its charger's meters."""

    session_id: int
    sampled_at: datetime
    signed_data: str
    meter_public_key: str


_NEWEST = RowQuery(
    _Row,
    MeterReading,
    f"SELECT {{columns}} FROM (SELECT session_id, sampled_at, SUBSTR(signed_data, 1, {ocmf.MAX_LENGTH + 1})"  # noqa: S608 - numbers of ours
    " AS signed_data, ROW_NUMBER() OVER (PARTITION BY session_id ORDER BY sampled_at DESC, id DESC) AS place"
    " FROM meter_reading WHERE session_id IN ({marks}) AND signed_data <> '') AS meter_reading"
    " JOIN charging_session ON charging_session.number = meter_reading.session_id"
    " JOIN charger ON charger.id = charging_session.charger_id"
    f" WHERE place <= {MAX_ROWS} ORDER BY meter_reading.session_id, place",
    meter_public_key=Charger.meter_public_key,
)


def signatures(numbers: Sequence[int]) -> dict[int, tuple[Signed, ...]]:
    """Check the newest signed values of each session against its charger's meter keys; return them newest first.

    Sessions without any are left out. The caller has a database connection.
    """
    return {
        number: tuple(
            Signed(at, _kwh(value), value.verdict, _text(value)) for at, value in islice(_verified(rows), MAX_ROWS)
        )
        for number, rows in groupby(_NEWEST.rows(numbers), attrgetter("session_id"))
    }


def _verified(rows: Iterable[_Row]) -> Iterator[tuple[datetime, Checked]]:
    """Yield each value once: a charger may send one again with later readings."""
    seen: set[str] = set()
    for row in rows:
        for value in ocmf.values(row.signed_data):
            if value not in seen:
                seen.add(value)
                yield row.sampled_at, _verify(value, row.meter_public_key)


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

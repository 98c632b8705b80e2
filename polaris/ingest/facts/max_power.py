"""The greatest power of connectors as chargers report it, by EVSE (OCPP 2.x).

It is kept apart from the connectors' rows, too: a report names EVSEs before their connectors have a state, and a row
without a state would show a connector that may not exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from polaris import pubsub
from polaris.domain import connectors
from polaris.domain.limits import DEFAULT_MAX_POWER_W
from polaris.models import Charger, ChargerNotice, Connector, RowQuery
from polaris.models.charger_notice import NOTICE_KEY
from polaris.pubsub import ChangeNotification

TOPIC = "max_power_w"  # a notice that Polaris itself makes


class _Notice(NamedTuple):
    payload: str


_NOTICE = RowQuery(
    _Notice,
    ChargerNotice,
    "SELECT {columns} FROM charger_notice WHERE topic = {param} AND charger_id IN ({marks})",
)


def store(
    notifications: list[ChangeNotification], charger_id: int, reported: Mapping[int, int], received_at: datetime
) -> None:
    """Store the power of EVSEs, by their ids."""
    known = _by_evse(charger_id)
    if known.items() >= reported.items():
        return
    by_evse = known | dict(reported)
    values = {"payload": json.dumps(by_evse), "received_at": received_at}
    ChargerNotice.insert(charger=charger_id, topic=TOPIC, **values).on_conflict(
        conflict_target=NOTICE_KEY, update=values
    ).execute()
    for connector in Connector.select(Connector.id, Connector.number).where(Connector.charger == charger_id):
        power_w = reported.get(connectors.evse_id(connector.number))
        if power_w is not None:
            Connector.update(max_power_w=power_w).where(Connector.id == connector.id).execute()
    notifications += pubsub.charger_changed(charger_id)


def of(charger_id: int, connector: int) -> int | None:
    """Return what the charger has reported of a connector."""
    return _by_evse(charger_id).get(connectors.evse_id(connector))


def evse_ids(charger_id: int) -> set[int]:
    """Return the ids of the EVSEs whose power the charger has reported."""
    return set(_by_evse(charger_id))


def bound_w(charger_id: int, connector: int) -> int:
    """Return the most power that a connector can deliver: as an operator has set it, as reported, or assumed."""
    set_w: int | None = Charger.select(Charger.max_power_w).where(Charger.id == charger_id).scalar()
    notice = _notice(charger_id)
    return bound(set_w, notice and notice.payload, connector)


def bound(set_w: int | None, reported: str | None, connector: int) -> int:
    """Return `bound_w` of a charger with this setting and this notice."""
    return set_w or _parsed(reported).get(connectors.evse_id(connector)) or DEFAULT_MAX_POWER_W


def _by_evse(charger_id: int) -> dict[int, int]:
    notice = _notice(charger_id)
    return _parsed(notice and notice.payload)


def _notice(charger_id: int) -> _Notice | None:
    return next(iter(_NOTICE.rows([charger_id], TOPIC)), None)


def _parsed(payload: str | None) -> dict[int, int]:
    return {int(evse_id): power_w for evse_id, power_w in json.loads(payload).items()} if payload else {}

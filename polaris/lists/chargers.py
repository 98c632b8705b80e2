"""Chargers as lines of a table, for the command line: the fleet's page has rows of its own, which are live."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from peewee import JOIN

from polaris.domain.enums import ChargerStatus
from polaris.models import Bridge, Charger, Connector, Site, blocking

MAX_STATUSES = 8  # connectors of a line; a charger may report thousands
MAX_CONNECTORS = 20_000  # of all lines


@dataclass(frozen=True, slots=True)
class ChargerLine:
    """A charger, and what its connectors reported last, by their numbers."""

    identity: str
    name: str
    site: str
    is_online: bool
    last_contact_at: datetime | None
    maker: str
    firmware: str
    protocol: str
    statuses: tuple[tuple[int, str], ...]


@blocking
def of_ids(ids: Sequence[int], now: datetime) -> list[ChargerLine]:
    """Read chargers by their ids, in that order."""
    query = Charger.select(Charger, Bridge, Site).join_from(Charger, Bridge, JOIN.LEFT_OUTER).join_from(Charger, Site)
    chargers = {row.id: row for row in query.where(Charger.id.in_(ids))} if ids else {}
    statuses = _statuses(ids)
    return [
        ChargerLine(
            row.identity,
            row.name,
            row.site.name,
            row.is_online(now),
            row.last_contact_at,
            " ".join(filter(None, (row.vendor, row.model))),
            row.firmware,
            row.protocol,
            tuple(statuses[row.id][:MAX_STATUSES]),
        )
        for row in (chargers[id_] for id_ in ids if id_ in chargers)
    ]


@blocking
def retired_ids(site: str = "") -> list[int]:
    """Return the ids of the retired chargers, of a site or of all, in the order of their names."""
    query = Charger.select(Charger.id).join(Site).where(Charger.status == ChargerStatus.RETIRED)
    query = query.where(Site.name == site) if site else query
    return [row.id for row in query.order_by(Charger.name, Charger.id)]


def _statuses(ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    query = Connector.select(Connector.charger, Connector.number, Connector.status)
    query = query.where(Connector.charger.in_(ids), Connector.number > 0)
    for row in query.order_by(Connector.charger, Connector.number).limit(MAX_CONNECTORS) if ids else ():
        found[row.charger_id].append((row.number, row.status))
    return found

"""Filters of the fleet that are saved under a name and shared by all operators."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import urlencode

from polaris.administration.audit import NAMES, Refused, checked_name, record
from polaris.administration.sites import find_site
from polaris.domain import fleet_query
from polaris.domain.fleet_query import Query, SavedFilter
from polaris.domain.sentences import Problem, say
from polaris.models import FleetFilter, blocking, database, locked, take_turns

MAX_FILTERS = 100  # all of them are read with each fleet page, and listed there
MAX_NAME_LENGTH = 40


@blocking
def save_filter(name: str, query: str, *, actor: str, now: datetime) -> SavedFilter:
    """Save a filter under a name; `query` is as in the fleet page's address. Raise `Refused` if it cannot be."""
    saved = SavedFilter(checked_name(name, MAX_NAME_LENGTH), _parsed(query))
    text = json.dumps(saved.query.parameters(), ensure_ascii=False)
    with database.atomic():
        take_turns(NAMES)
        if saved.query.site:
            find_site(saved.query.site)
        row = FleetFilter.get_or_none(FleetFilter.name == saved.name)
        if row is not None and row.query == text:
            return saved
        if row is not None:
            raise Refused(
                say("There is a filter %(name)s already. Delete it first, or choose another name.", name=saved.name)
            )
        if FleetFilter.select().count() >= MAX_FILTERS:
            raise Refused(say("There are %(max_filters)s filters already. Delete one first.", max_filters=MAX_FILTERS))
        FleetFilter.create(name=saved.name, query=text)
        record(actor, "filter.saved", saved.name, now, urlencode(saved.query.parameters()))
    return saved


@blocking
def delete_filter(name: str, *, actor: str, now: datetime) -> None:
    """Delete a saved filter. Raise `Refused` if there is none of that name."""
    name = name.replace("\0", "").strip()
    with database.atomic():
        row = locked(FleetFilter.select().where(FleetFilter.name == name)).first()
        if row is None:
            raise Refused(say("There is no filter %(name)s. It may have been deleted already.", name=name))
        FleetFilter.delete().where(FleetFilter.id == row.id).execute()
        record(actor, "filter.deleted", name, now, urlencode(json.loads(row.query)))


@blocking
def saved_filters() -> tuple[SavedFilter, ...]:
    """Return the saved filters in the order of their names."""
    rows = FleetFilter.select().order_by(FleetFilter.name).limit(MAX_FILTERS)
    return tuple(SavedFilter(row.name, Query.of(json.loads(row.query))) for row in rows)


def _parsed(query: str) -> Query:
    """Return a query as an address has it, after its question mark if there is one. Raise `Refused` if it is none."""
    try:
        parsed = fleet_query.typed(query)
    except Problem as problem:
        raise Refused(problem.sentence) from None
    if parsed.first_page == Query():
        raise Refused(fleet_query.NO_FILTER)
    return parsed.first_page

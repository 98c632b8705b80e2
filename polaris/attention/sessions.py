"""Sessions that need a person: stuck ones, and those of which nothing says how much flowed."""

from __future__ import annotations

from polaris.attention.item import Action, Item, Search, ask, verb
from polaris.domain.commands.catalog import TRANSACTION_STATUS, TRIGGER
from polaris.domain.commands.values import RequestedMessage
from polaris.domain.sentences import N_, say
from polaris.ingest import corrections, stuck_sessions
from polaris.ingest.stuck_sessions import Stuck
from polaris.models import Charger

STUCK, DOUBTFUL = "stuck", "doubtful"


def stuck(search: Search) -> list[Item]:
    """Return the newest stuck sessions."""
    found = stuck_sessions.newest_stuck(search.now, search.limit)
    names = names_of({session.charger for session in found})
    return [
        Item(
            STUCK,
            str(session.number),
            tuple(session.evidence),
            since=session.last_heard_at,
            level=len(session.evidence),
            actions=_actions(session),
            name=names[session.charger],
            identity=session.charger,
            connector=session.connector,
            session=session.number,
        )
        for session in found
    ]


def _actions(session: Stuck) -> tuple[Action, ...]:
    """Offer to close it, and to ask once more: in OCPP 1.6 for readings, which has no question about a session."""
    number, identity, connector = session.number, session.charger, session.connector
    close = verb(N_("Close as an estimate"), "session", "close", number, number=number)
    if session.is_v2:
        return (close, ask(N_("Ask again"), identity, TRANSACTION_STATUS, "--session", number, session=number))
    place: dict[str, str | int] = {"message": RequestedMessage.READINGS, "connector": connector}
    words = (RequestedMessage.READINGS, "--connector", connector)
    return (close, ask(N_("Ask again"), identity, TRIGGER, *words, **place))


def doubtful(search: Search) -> list[Item]:
    """Return the newest ended sessions whose energy is not known."""
    found = corrections.unknown_energy(search.limit)
    names = names_of({session.charger for session in found})
    return [
        Item(
            DOUBTFUL,
            str(session.number),
            (say("It has ended, and nothing consistent says how much flowed."),),
            since=session.ended_at,
            actions=(_set_energy(session.number),),
            name=names[session.charger],
            identity=session.charger,
            connector=session.connector,
            session=session.number,
        )
        for session in found
    ]


def _set_energy(number: int) -> Action:
    return verb(N_("Set the energy"), "session", "set-energy", number, "KWH", "--reason", "TEXT", number=number)


def names_of(identities: set[str]) -> dict[str, str]:
    """Return the names of chargers by their identities."""
    query = Charger.select(Charger.identity, Charger.name).where(Charger.identity.in_(sorted(identities)))
    return {charger.identity: charger.name for charger in query} if identities else {}

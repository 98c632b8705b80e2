"""`flask --app app charger behaviour`: what a charger is like, in the words of its page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from polaris.administration import Refused
from polaris.cli.chargers import charger
from polaris.domain.behaviour import MIN_SEEN, Record
from polaris.ingest import Behaviour
from polaris.rendering import behaviour_text as text
from polaris.services import services

Fact = tuple[str, str, int, datetime | None]  # its name, the words, how often it was seen, and since when


@charger.command("behaviour")
@click.argument("identity")
def charger_behaviour(identity: str) -> None:
    """Say what a charger is like: how fast it answers, how often it fails, when it is gone, which quirks it has."""
    behaviour = services().ingest.behaviour(identity, datetime.now(UTC))
    if behaviour is None:
        raise Refused(f"There is no charger {identity}.")
    if behaviour.is_empty:
        click.echo(f"Nothing has been seen of {identity} yet.")
        return
    for line in _lines(behaviour):
        click.echo(line.replace("\u00a0", " "))


def _lines(behaviour: Behaviour) -> Iterator[str]:
    window, before = behaviour.window, behaviour.before
    since = f" {_day(window.since_at)}" if window.is_whole else ""
    yield f"{behaviour.name}, {text.period(window.firmware, window.is_whole)}{since}"
    if before is not None:
        for kind, worse in (("stops", before.worse_stops), ("commands", before.worse_commands)):
            if worse is not None:
                yield f"{text.worse(worse, kind, window.firmware)}."
    yield from map(_line, [*_asked(window.stops, window.commands), *_gone(behaviour)])
    yield _line(
        (
            "The cable after a stop",
            text.cable(behaviour.cards_needed),
            len(behaviour.cards_needed),
            window.stops.since_at,
        )
    )
    clock = behaviour.clock
    yield _line(("Its clock from one day to the next", text.clock_drift(clock), clock.seen, clock.since_at))
    if behaviour.sessions < MIN_SEEN:
        yield _line(("Quirks of its sessions", text.not_often_enough(), behaviour.sessions, window.since_at))
    for quirk in behaviour.quirks:
        what, remedy = text.quirk(quirk)
        yield f"{what} {remedy} ({text.share(quirk.seen, behaviour.sessions)} sessions)"


def _asked(stops: Record, commands: Record) -> Iterator[Fact]:
    yield "Answers a stop", text.delays(stops.answer), stops.answer.seen, stops.since_at
    yield "Ends the session once it has accepted", text.delays(stops.end), stops.end.seen, stops.since_at
    yield "Answers a command", text.delays(commands.answer), commands.answer.seen, commands.since_at
    for name, count, record in (
        ("Refused a stop", stops.refused, stops),
        ("Did not answer a stop", stops.unanswered, stops),
        ("Accepted a stop, but did not end the session", stops.unfinished, stops),
        ("Refused a command", commands.refused, commands),
        ("Did not answer a command", commands.unanswered, commands),
    ):
        yield name, text.failures(count, record), record.seen, record.since_at


def _gone(behaviour: Behaviour) -> Iterator[Fact]:
    absences = behaviour.absences
    yield "Gone for longer than a minute", text.absence(absences), absences.seen, absences.since_at
    yield "At what hours", text.absence_hours(absences, behaviour.zone), absences.seen, absences.since_at


def _line(fact: Fact) -> str:
    name, words, seen, since_at = fact
    return f"{name}: {words} ({seen} seen{f' since {_day(since_at)}' if since_at else ''})"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"

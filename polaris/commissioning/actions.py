"""The requests of a run to its charger: a command or a stop for each step that has one, and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from polaris.administration import Refused
from polaris.commissioning.runs import Run
from polaris.domain.arguments import Invalid
from polaris.domain.commands.catalog import (
    ChargerCommand,
    GetConfiguration,
    Reset,
    SetConfiguration,
    Trigger,
    Unlock,
)
from polaris.domain.commands.values import RequestedMessage
from polaris.domain.commissioning import Step
from polaris.domain.recommended_settings import RECOMMENDED
from polaris.domain.sentences import N_, say, together
from polaris.ingest import CommandRefusal, Ingest
from polaris.ingest.requests import Interrupts, RequestTerms


class Action(StrEnum):
    """A request that a run can make."""

    RESTART = "restart"
    REPORT_STATUS = "report-status"
    READ_SETTINGS = "read-settings"
    SET = "set"  # one setting, to what is recommended
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class Offer:
    """An action that belongs to a step, in words for its button."""

    action: Action
    label: str


OFFERS: Mapping[Step, Offer] = {
    Step.BOOTED: Offer(Action.RESTART, N_("Restart it")),
    Step.CONNECTORS: Offer(Action.REPORT_STATUS, N_("Ask for its connectors")),
    Step.SETTINGS: Offer(Action.READ_SETTINGS, N_("Read its settings")),
    Step.UNLOCKED: Offer(Action.UNLOCK, N_("Unlock connector")),
}
_COMMANDS: Mapping[Action, Callable[[Run, str], ChargerCommand]] = {
    Action.RESTART: lambda *_: Reset(),
    Action.REPORT_STATUS: lambda *_: Trigger(RequestedMessage.STATUS),
    Action.READ_SETTINGS: lambda *_: GetConfiguration(),
    Action.SET: lambda _, shown: SetConfiguration(shown, _recommended(shown)),
    Action.UNLOCK: lambda run, shown: Unlock(_last_used(run, shown)),
}


def ask(
    ingest: Ingest, run: Run, action: Action, *, shown: str = "", press: str = "", actor: str, now: datetime
) -> int:
    """Send the command of an action; return its id. A press that comes twice, by its name, sends one.

    `shown` is what the button named: the setting to set, or the connector to unlock.

    Raise `Refused` if the run has ended, or the command cannot be sent or would interrupt a session.
    """
    if not run.is_open:
        raise Refused(say("This run of %(identity)s has ended.", identity=run.identity))
    terms = RequestTerms(f"commissioning {run.id} {press}" if press else "", agreed=frozenset())
    try:
        asked = ingest.request_command(run.identity, _COMMANDS[action](run, shown), actor, now, terms)
    except Invalid as invalid:
        raise Refused(invalid.named) from None
    if isinstance(asked, Interrupts):
        places = together(*(session.place for session in asked.sessions), between=", ")  # an electrician reads it
        raise Refused(say("End what runs there first: %(places)s.", places=places))
    if isinstance(asked, CommandRefusal):
        raise Refused(say(asked.value))
    assert isinstance(asked, int)  # without terms, no question is asked about sessions
    return asked


def stop(ingest: Ingest, run: Run, shown: str, *, account_id: int | None, now: datetime, actor: str = "") -> None:
    """Stop the session that the button named, in an operator's name. Raise `Refused` if the run's is another by now.

    `actor` is who presses, if it is not the operator.
    """
    if run.running is None:
        raise Refused(say("No session of this run is in progress."))
    if shown != str(run.running):
        raise Refused(
            say(
                "Session %(running)s runs now, and your page showed another, so nothing was stopped.",
                running=run.running,
            )
        )
    refusal = ingest.request_stop(run.running, account_id, now, actor)
    if refusal is not None:
        raise Refused(say(refusal.value))


def _last_used(run: Run, shown: str) -> int:
    """Return the connector to unlock, if it is still the one that the button named."""
    if shown != str(run.connector):
        raise Refused(
            say(
                "Connector %(connector)s was used last, and your page showed another, so nothing was unlocked.",
                connector=run.connector,
            )
        )
    return run.connector


def _recommended(key: str) -> str:
    """Return the value that is recommended for a setting. No other one can be set by a run."""
    for recommendation in RECOMMENDED:
        if key in recommendation.names:
            return recommendation.value
    raise Refused(say("Nothing is recommended for %(key)s.", key=key))

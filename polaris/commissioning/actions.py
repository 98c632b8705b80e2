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
    Step.BOOTED: Offer(Action.RESTART, "Restart it"),
    Step.CONNECTORS: Offer(Action.REPORT_STATUS, "Ask for its connectors"),
    Step.SETTINGS: Offer(Action.READ_SETTINGS, "Read its settings"),
    Step.UNLOCKED: Offer(Action.UNLOCK, "Unlock connector"),
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
        raise Refused(f"This run of {run.identity} has ended.")
    terms = RequestTerms(f"commissioning {run.id} {press}" if press else "", agreed=frozenset())
    try:
        asked = ingest.request_command(run.identity, _COMMANDS[action](run, shown), actor, now, terms)
    except Invalid as invalid:
        raise Refused(str(invalid)) from None
    if isinstance(asked, Interrupts):
        places = ", ".join(session.place for session in asked.sessions)  # without drivers: an electrician reads it
        raise Refused(f"End what runs there first: {places}.")
    if isinstance(asked, CommandRefusal):
        raise Refused(asked.value)
    assert isinstance(asked, int)  # without terms, no question is asked about sessions
    return asked


def stop(ingest: Ingest, run: Run, shown: str, *, account_id: int | None, now: datetime, actor: str = "") -> None:
    """Stop the session that the button named, in an operator's name. Raise `Refused` if the run's is another by now.

    `actor` is who presses, if it is not the operator.
    """
    if run.running is None:
        raise Refused("No session of this run is in progress.")
    if shown != str(run.running):
        raise Refused(f"Session {run.running} runs now, and your page showed another, so nothing was stopped.")
    refusal = ingest.request_stop(run.running, account_id, now, actor)
    if refusal is not None:
        raise Refused(refusal.value)


def _last_used(run: Run, shown: str) -> int:
    """Return the connector to unlock, if it is still the one that the button named."""
    if shown != str(run.connector):
        raise Refused(
            f"Connector {run.connector} was used last, and your page showed another, so nothing was unlocked."
        )
    return run.connector


def _recommended(key: str) -> str:
    """Return the value that is recommended for a setting. No other one can be set by a run."""
    for recommendation in RECOMMENDED:
        if key in recommendation.names:
            return recommendation.value
    raise Refused(f"Nothing is recommended for {key}.")

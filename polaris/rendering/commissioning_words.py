"""The commissioning of a charger in words, alike on its pages and on the command line."""

from __future__ import annotations

from flask import Flask

from polaris.domain.commissioning import Result, Step
from polaris.domain.sentences import N_
from polaris.rendering.translations import gettext

STEPS = {
    Step.CONNECTED: N_("It connects"),
    Step.BOOTED: N_("It starts up"),
    Step.CLOCK: N_("Its clock is right"),
    Step.CONNECTORS: N_("Its connectors are there"),
    Step.SETTINGS: N_("Its settings suit us"),
    Step.STARTED: N_("A card starts a session"),
    Step.METERED: N_("Readings come"),
    Step.STOPPED: N_("It stops from here"),
    Step.UNLOCKED: N_("It releases the cable"),
}
RESULTS = {
    Result.WAITING: N_("Waiting"),
    Result.PASSED: N_("Passed"),
    Result.FAILED: N_("Failed"),
    Result.SKIPPED: N_("Left out"),
}
NOT_SHOWN = N_("Not seen")  # of a step that still waited when its run ended
NOT_BEGUN = N_("Not begun yet")
STILL_OPEN = N_("still open")


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    app.add_template_filter(step_title)
    app.add_template_filter(step_result)
    app.add_template_filter(run_outcome)


def step_title(step: Step) -> str:
    """Say what a step shows."""
    return gettext(STEPS[step])


def step_result(result: Result, is_open: bool = True) -> str:
    """Say how far a step of a run has come."""
    return gettext(NOT_SHOWN if result is Result.WAITING and not is_open else RESULTS[result])


def run_outcome(outcome: str | None) -> str:
    """Say what a run has shown: "" is one that is open, None that there is no run."""
    return gettext(NOT_BEGUN if outcome is None else outcome or STILL_OPEN)

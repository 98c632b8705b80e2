"""A charger is commissioned over a real socket: an obedient one is in order, and each mood fails its own step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from polaris.commissioning import actions, runs
from polaris.commissioning.actions import Action
from polaris.commissioning.runs import Run
from polaris.domain.commissioning import Outcome, Result, Step
from polaris.domain.recommended_settings import RECOMMENDED
from polaris.models import Charger
from simulator.charger import OnRemoteStop
from simulator.command_responses import OnCommand
from tests.support.commanding import commanded_charger, done_with
from tests.support.depot import Depot, now, until

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
ACTOR = "olga@example.com"


class Commissioned:
    """A run of a simulated charger, driven as an electrician would."""

    def __init__(self, depot: Depot, charger: Any, version: str) -> None:
        self.depot, self.charger, self.is_16 = depot, charger, version == "ocpp1.6"
        self.card = depot.card()
        self.charger_id = runs.begin(charger.identity, actor=ACTOR, now=now())
        for recommended in RECOMMENDED:
            charger.configuration.settings.setdefault(recommended.names[not self.is_16], recommended.value)

    @property
    def run(self) -> Run:
        return runs.runs(self.charger_id, now())[0]

    async def shows(self, step: Step, result: Result) -> None:
        await until(lambda: self.run.results[step] is result)

    async def ask(self, action: Action, **values: Any) -> None:
        made = self.depot.ingest(lambda ingest: actions.ask(ingest, self.run, action, **values, actor=ACTOR, now=now()))
        await done_with(self.depot, made)

    async def everything(self, *, delivered_wh: int = 420) -> None:
        """Do all that the steps ask for."""
        await self.charger.boot()
        await self.charger.status(1, "Available")
        await self.ask(Action.READ_SETTINGS)
        transaction = await self.charger.start_transaction(self.card.id_tag, meter_start_wh=1000)
        for part in (1, 2, 3):
            await self.charger.meter_values(transaction, 1000 + delivered_wh * part // 3)
        await until(lambda: self.run.running is not None)
        session = self.run.running
        assert session is not None
        self.depot.ingest(lambda ingest: ingest.request_stop(session, self.card.account_id, now()))
        await until(lambda: self.run.results[Step.STOPPED] in (Result.PASSED, Result.FAILED))
        if self.run.running is not None:
            await self.charger.stop_transaction(transaction)
            await until(lambda: self.run.running is None)
        await self.ask(Action.UNLOCK, shown=str(self.run.connector))


def failed(run: Run) -> set[Step]:
    return {step for step, result in run.results.items() if result is Result.FAILED}


@pytest.mark.both_databases
@VERSIONS
async def test_obedient_charger_is_in_order(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        Charger.update(security_profile=2).where(Charger.identity == charger.identity).execute()
        commissioned = Commissioned(depot, charger, version)
        assert set(commissioned.run.results.values()) >= {Result.WAITING}

        await commissioned.everything()

        for step in Step:
            await commissioned.shows(step, Result.PASSED)
        _, outcome = runs.end(charger.identity, actor=ACTOR, now=now())
        assert outcome is Outcome.IN_ORDER
        assert commissioned.run.verdicts == runs.runs(commissioned.charger_id, now())[0].verdicts


def _samples_rarely(charger: Any) -> None:
    for recommended in RECOMMENDED[:1]:
        for name in recommended.names:
            charger.configuration.settings[name] = "900"


def _ignores_stop(charger: Any) -> None:
    charger.on_remote_stop = OnRemoteStop.REJECT


def _keeps_cable(charger: Any) -> None:
    charger.on_command = {"UnlockConnector": OnCommand.ERROR}


@pytest.mark.parametrize(
    ("mood", "step"), [(_samples_rarely, Step.SETTINGS), (_ignores_stop, Step.STOPPED), (_keeps_cable, Step.UNLOCKED)]
)
@VERSIONS
async def test_each_mood_fails_its_step(depot: Depot, version: str, mood: Callable[[Any], None], step: Step) -> None:
    async with commanded_charger(depot, version) as charger:
        commissioned = Commissioned(depot, charger, version)
        mood(charger)

        await commissioned.everything()

        await commissioned.shows(step, Result.FAILED)
        assert failed(commissioned.run) == {step}
        _, outcome = runs.end(charger.identity, actor=ACTOR, now=now())
        assert outcome is Outcome.NOT_IN_ORDER


@VERSIONS
async def test_fate_of_what_was_asked_is_shown(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        commissioned = Commissioned(depot, charger, version)
        charger.on_command = {"Reset": {"status": "Rejected"}}

        await commissioned.ask(Action.RESTART)

        await commissioned.shows(Step.BOOTED, Result.FAILED)
        verdict = next(verdict for verdict in commissioned.run.verdicts if verdict.step is Step.BOOTED)
        assert verdict.seen == "Asked to restart: The charger refused."
        await charger.boot()
        await commissioned.shows(Step.BOOTED, Result.PASSED)


@VERSIONS
async def test_settings_are_set_to_what_is_recommended(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        commissioned = Commissioned(depot, charger, version)
        _samples_rarely(charger)
        await commissioned.ask(Action.READ_SETTINGS)
        await commissioned.shows(Step.SETTINGS, Result.FAILED)
        verdict = next(verdict for verdict in commissioned.run.verdicts if verdict.step is Step.SETTINGS)

        for fix in verdict.fixes:
            await commissioned.ask(Action.SET, shown=fix.key)
        await commissioned.ask(Action.READ_SETTINGS)

        await commissioned.shows(Step.SETTINGS, Result.PASSED)

"""Commissioning: each step fails for what is wrong with its charger, and an obedient charger passes them all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from polaris.domain.commissioning import (
    GET,
    RESET,
    SET,
    TRIGGER,
    UNLOCK,
    Fate,
    Outcome,
    Result,
    Seen,
    SeenSession,
    Step,
    judge,
    outcome,
)
from polaris.domain.enums import Authorization, ChargerStatus, CommandState, StopState
from polaris.domain.settings import Access, Setting

RELEASED = {UNLOCK: Fate(CommandState.ACCEPTED)}
BEGAN = datetime(2026, 11, 29, 10, tzinfo=UTC)
LATER = BEGAN + timedelta(minutes=5)
SESSION = SeenSession(
    number=7,
    connector=1,
    readings=5,
    energy_wh=420,
    power_w=7000,
    is_over=True,
    stop=StopState.COMPLETED,
    stop_took_s=2.9,
)


def setting(name: str, value: str) -> Setting:
    component, _, rest = name.rpartition(".")
    return Setting(component, 0, 0, rest, value, Access.READ_WRITE)


GOOD_16 = (
    setting("MeterValueSampleInterval", "10"),
    setting("MeterValuesSampledData", "Power.Active.Import,Energy.Active.Import.Register"),
    setting("StopTransactionOnEVSideDisconnect", "true"),
    setting("StopTransactionOnInvalidId", "True"),
    setting("AllowOfflineTxForUnknownId", "false"),
)
GOOD_2 = (
    setting("SampledDataCtrlr.TxUpdatedInterval", "60"),
    setting("SampledDataCtrlr.TxUpdatedMeasurands", "Energy.Active.Import.Register"),
    setting("TxCtrlr.StopTxOnEVSideDisconnect", "true"),
    setting("TxCtrlr.StopTxOnInvalidId", "true"),
    setting("AuthCtrlr.OfflineTxForUnknownIdEnabled", "false"),
)
OBEDIENT = Seen(
    is_online=True,
    protocol="ocpp1.6",
    security_profile=2,
    booted_at=LATER,
    clock_offset_s=3,
    connectors=((0, "Available", ""), (1, "Available", "")),
    settings=GOOD_16,
    settings_at=LATER,
    sessions=(SESSION,),
    fates=RELEASED,
)


BAD_16 = (*GOOD_16[1:], setting("MeterValueSampleInterval", "900"))


def asked(kind: str, sentence: str, state: CommandState = CommandState.REJECTED) -> dict[str, object]:
    return {"fates": RELEASED | {kind: Fate(state, sentence)}}


def results(seen: Seen) -> dict[Step, Result]:
    return {verdict.step: verdict.result for verdict in judge(seen, BEGAN)}


@pytest.mark.parametrize("settings", [GOOD_16, GOOD_2])
def test_an_obedient_charger_is_in_order(settings: tuple[Setting, ...]) -> None:
    verdicts = judge(replace(OBEDIENT, settings=settings), BEGAN)

    assert {verdict.result for verdict in verdicts} == {Result.PASSED}
    assert outcome(verdicts) is Outcome.IN_ORDER


def test_connectors_of_before_show_nothing_while_it_is_away() -> None:
    away = replace(OBEDIENT, is_online=False, heard_at=BEGAN - timedelta(days=1))

    found = results(away)

    assert {found[step] for step in (Step.CONNECTED, Step.CLOCK, Step.CONNECTORS)} == {Result.WAITING}
    assert results(replace(away, heard_at=LATER))[Step.CONNECTORS] is Result.PASSED


def test_a_new_run_waits_for_everything() -> None:
    verdicts = judge(Seen(), BEGAN)

    assert {verdict.result for verdict in verdicts} == {Result.WAITING}
    assert [verdict.step for verdict in verdicts if not verdict.advice] == [Step.CLOCK]
    assert outcome(verdicts) is Outcome.NOT_IN_ORDER


@pytest.mark.parametrize(
    ("changes", "step", "words"),
    [
        ({"clock_offset_s": -50 * 365 * 86_400}, Step.CLOCK, "behind"),
        ({"clock_offset_s": 90}, Step.CLOCK, "Its clock is 2 min ahead."),
        ({"connectors": ((1, "Faulted", "GroundFailure"),)}, Step.CONNECTORS, "GroundFailure"),
        ({"settings": (*GOOD_16[1:], setting("MeterValueSampleInterval", "900"))}, Step.SETTINGS, "SampleInterval"),
        ({"settings": (*GOOD_16[1:], setting("MeterValueSampleInterval", "0"))}, Step.SETTINGS, "SampleInterval"),
        ({"settings": (*GOOD_16[1:], setting("MeterValueSampleInterval", "soon"))}, Step.SETTINGS, "SampleInterval"),
        ({"sessions": (replace(SESSION, energy_wh=None),)}, Step.METERED, "not known"),
        ({"sessions": (replace(SESSION, readings=1),)}, Step.METERED, "1 reading,"),
        ({"sessions": (replace(SESSION, energy_wh=0),)}, Step.METERED, "0.00 kWh"),
        ({"sessions": (replace(SESSION, stop=StopState.OVERDUE, is_over=False),)}, Step.STOPPED, "did not stop"),
        ({"sessions": (replace(SESSION, stop=StopState.REJECTED, is_over=False),)}, Step.STOPPED, "did not stop"),
        ({"fates": {UNLOCK: Fate(CommandState.REJECTED, "No.")}}, Step.UNLOCKED, "did not release the cable. No."),
        ({"settings": ()}, Step.SETTINGS, "It has no MeterValueSampleInterval, MeterValuesSampledData"),
        ({"settings": GOOD_16[:1]}, Step.SETTINGS, "It has no MeterValuesSampledData"),
        ({"settings": GOOD_2[1:]}, Step.SETTINGS, "It has no SampledDataCtrlr.TxUpdatedInterval"),
        (
            {"booted_at": None} | asked(RESET, "The charger refused."),
            Step.BOOTED,
            "Asked to restart: The charger refused.",
        ),
        (
            {"connectors": ()} | asked(TRIGGER, "It is offline."),
            Step.CONNECTORS,
            "Asked for its connectors: It is offline.",
        ),
        ({"settings_at": None} | asked(GET, "No answer."), Step.SETTINGS, "Asked for its settings: No answer."),
        ({"settings": BAD_16} | asked(SET, "No."), Step.SETTINGS, "Asked to set one: No."),
    ],
)
def test_what_is_wrong_fails_its_step_alone(changes: dict[str, object], step: Step, words: str) -> None:
    verdicts = judge(replace(OBEDIENT, **changes), BEGAN)

    failed = [verdict for verdict in verdicts if verdict.result is not Result.PASSED]
    assert [(verdict.step, verdict.result) for verdict in failed] == [(step, Result.FAILED)]
    assert words in failed[0].seen
    assert failed[0].advice
    assert outcome(verdicts) is Outcome.NOT_IN_ORDER


def test_what_was_before_the_run_does_not_count() -> None:
    earlier = BEGAN - timedelta(seconds=1)
    found = results(replace(OBEDIENT, booted_at=earlier, settings_at=earlier))

    assert (found[Step.BOOTED], found[Step.SETTINGS]) == (Result.WAITING, Result.WAITING)


@pytest.mark.parametrize("state", [CommandState.SENT, CommandState.ACCEPTED])
def test_what_was_asked_is_told_while_it_waits(state: CommandState) -> None:
    seen = replace(OBEDIENT, booted_at=None, **asked(RESET, "Sent.", state))

    (waiting,) = (verdict for verdict in judge(seen, BEGAN) if verdict.result is not Result.PASSED)

    assert (waiting.step, waiting.result, waiting.seen) == (Step.BOOTED, Result.WAITING, "Asked to restart: Sent.")


def test_what_has_come_all_the_same_passes() -> None:
    fates = {kind: Fate(CommandState.UNKNOWN, "No answer.") for kind in (RESET, TRIGGER, GET, SET)}

    assert set(results(replace(OBEDIENT, fates=RELEASED | fates)).values()) == {Result.PASSED}


def test_a_better_try_counts() -> None:
    failed = replace(SESSION, number=9, readings=0, stop=StopState.REJECTED, stop_took_s=None)

    found = results(replace(OBEDIENT, sessions=(failed, SESSION)))

    assert (found[Step.METERED], found[Step.STOPPED]) == (Result.PASSED, Result.PASSED)


@pytest.mark.parametrize(
    ("refusal", "why", "advice"),
    [
        (Authorization.INVALID, "it is not known here", "Tap one that is known."),
        (Authorization.BLOCKED, "it is blocked, or its account is", "Tap another."),
        (Authorization.EXPIRED, "it has expired", "Tap another."),
        (Authorization.CONCURRENT_TX, "it is charging at another charger", "Tap another."),
    ],
)
def test_a_refused_card_shows_nothing(refusal: Authorization, why: str, advice: str) -> None:
    refused = replace(SESSION, refusal=refusal)

    started, metered, stopped = judge(replace(OBEDIENT, sessions=(refused,)), BEGAN)[5:8]

    assert started.result is Result.FAILED
    assert started.seen == f"Session 7 on connector 1: this card was refused, since {why}."
    assert started.advice == advice
    assert (metered.result, stopped.result) == (Result.WAITING, Result.WAITING)
    for both in ((replace(SESSION, number=8), refused), (replace(refused, number=8), SESSION)):
        assert set(results(replace(OBEDIENT, sessions=both)).values()) == {Result.PASSED}


def test_a_session_without_a_card_waits_for_one() -> None:
    started = judge(replace(OBEDIENT, sessions=(replace(SESSION, has_card=False),)), BEGAN)[5]

    assert (started.result, started.advice) == (Result.WAITING, "Tap a card.")


@pytest.mark.parametrize("status", [ChargerStatus.BLOCKED, ChargerStatus.RETIRED])
def test_a_charger_out_of_service_is_to_be_unblocked(status: ChargerStatus) -> None:
    first, *others = judge(replace(OBEDIENT, status=status, booted_at=None, settings=BAD_16), BEGAN)

    assert (first.result, first.seen) == (Result.FAILED, f"It is {status}.")
    assert first.advice == "Unblock it first: nothing reaches it."
    assert not any(verdict.advice or verdict.fixes for verdict in others)


NEW = replace(SESSION, number=8, is_over=False, stop=None, stop_took_s=None)


@pytest.mark.parametrize(
    ("sessions", "numbers"),
    [
        ((NEW, SESSION), (7, 7, 7)),
        ((replace(SESSION, number=8), SESSION), (7, 7, 7)),
        ((replace(SESSION, number=8), replace(SESSION, readings=0)), (8, 8, 8)),
        ((NEW, replace(SESSION, readings=0)), (7, 8, 7)),
        ((replace(NEW, readings=0), replace(SESSION, readings=0)), (7, 8, 7)),
    ],
)
def test_later_sessions_replace_no_evidence(sessions: tuple[SeenSession, ...], numbers: tuple[int, ...]) -> None:
    shown = judge(replace(OBEDIENT, sessions=sessions), BEGAN)[5:8]

    assert [verdict.seen.split()[1].rstrip(":") for verdict in shown] == [str(number) for number in numbers]


def test_fixes_name_what_to_set() -> None:
    broken = replace(OBEDIENT, settings=(*GOOD_2[1:], setting("SampledDataCtrlr.TxUpdatedInterval", "900")))

    (fix,) = next(verdict.fixes for verdict in judge(broken, BEGAN) if verdict.step is Step.SETTINGS)

    assert (fix.key, fix.value) == ("SampledDataCtrlr.TxUpdatedInterval", "10")


def test_a_skipped_step_is_a_remark() -> None:
    verdicts = judge(replace(OBEDIENT, fates={}), BEGAN, [Step.UNLOCKED])

    assert verdicts[-1].result is Result.SKIPPED
    assert outcome(verdicts) is Outcome.WITH_REMARKS


def test_what_is_good_enough_is_a_remark() -> None:
    slow = replace(SESSION, stop_took_s=75.0)
    for changes in ({"security_profile": 1}, {"settings": GOOD_16[:-1]}, {"sessions": (slow,)}):
        assert outcome(judge(replace(OBEDIENT, **changes), BEGAN)) is Outcome.WITH_REMARKS


def test_charger_that_has_gone_since() -> None:
    gone = replace(OBEDIENT, is_online=False, heard_at=LATER)
    verdicts = judge(gone, BEGAN)
    assert {verdict.result for verdict in verdicts} == {Result.PASSED}
    assert "It is offline now." in verdicts[0].seen
    assert outcome(verdicts) is Outcome.WITH_REMARKS
    never = judge(replace(gone, heard_at=BEGAN - timedelta(minutes=1)), BEGAN)
    assert never[0].result is Result.WAITING


@pytest.mark.parametrize("state", [CommandState.OFFLINE, CommandState.TIMED_OUT, CommandState.UNKNOWN])
def test_cable_that_nobody_answered_for(state: CommandState) -> None:
    verdict = judge(replace(OBEDIENT, fates={UNLOCK: Fate(state, "The charger is offline.")}), BEGAN)[-1]
    assert (verdict.result, verdict.seen) == (Result.WAITING, "The charger is offline.")

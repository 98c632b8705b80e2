"""The pages of a charger's commissioning: who may see them, what a run may ask, and its report."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.domain.facts import Report, SessionReported
from polaris.models import AuditEntry, Charger, Command, Commissioning, StopRequest
from polaris.rendering.commissioning_words import STEPS
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging

PAGE = "/fleet/depot-7/commission"
HOSTILE = "<script>alert(1)</script>"


def begin(client: FlaskClient) -> None:
    assert forms.fill_in(client, "/actions/charger/commission?identity=depot-7").status_code == 303


def test_operators_alone(client: FlaskClient, cast: Cast) -> None:
    assert client.get(PAGE).location == f"/sign-in?next={PAGE}"
    forms.sign_in(client, cast.ada)
    for path in (PAGE, f"{PAGE}/1", "/live/chargers/depot-7/commission"):
        assert client.get(path).status_code == 404
    assert forms.post(client, f"{PAGE}/actions", page="/account", ask="restart 0").status_code == 404
    assert not Command.select().exists()


def test_run_from_its_beginning_to_its_report(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    assert "Not begun yet" in olga.get(PAGE).text
    begin(olga)
    page = olga.get(PAGE).text
    assert "OCPP 1.6, security profile 1." in page
    assert "Tap" in page or "tap a card" in page
    number = charging.start(cast.ada.id_tag)
    assert f"Session {number} on connector 1." in olga.get(PAGE).text
    assert f"Stop session {number}" in olga.get(PAGE).text
    forms.post(olga, f"{PAGE}/actions", page=PAGE, ask=f"stop {number}")
    assert StopRequest.get().account_id == cast.olga.id

    skip = "/actions/charger/skip-step?identity=depot-7&step=unlocked"
    assert forms.fill_in(olga, skip, reason=f"A fixed cable {HOSTILE}").status_code == 303
    assert "Left out" in olga.get(PAGE).text
    assert forms.fill_in(olga, "/actions/charger/end-commission?identity=depot-7").status_code == 303

    report = olga.get(f"{PAGE}/{Commissioning.get().id}").text
    assert "not in order" in report
    assert "A fixed cable" in report
    assert HOSTILE not in report
    assert [row.action for row in AuditEntry.select().where(AuditEntry.action.startswith("commissioning"))] == [
        "commissioning.began",
        "commissioning.step_skipped",
        "commissioning.ended",
    ]


def test_a_refused_card_starts_no_session(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    begin(olga)
    refused = charging.start("STRANGER")
    charging.meter(refused, 1100)
    charging.meter(refused, 1200)
    page = olga.get(PAGE).text
    assert f"Session {refused} on connector 1: this card was refused, since it is not known here." in page
    assert "Tap one that is known." in page
    assert "0.20 kWh" not in page
    assert f"Stop session {refused}" not in page
    charging.end(refused, 1200)

    accepted = charging.start(cast.ada.id_tag)

    page = olga.get(PAGE).text
    assert f"Session {accepted} on connector 1." in page
    assert "was refused" not in page


def test_a_cable_waits_for_a_card_that_is_known(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    begin(olga)

    def report(seq_no: int, id_tag: str | None) -> str:
        fact = SessionReported(
            charger_id=charging.charger.id,
            received_at=datetime.now(UTC),
            raw={"seqNo": seq_no},
            transaction_id="t",
            at=datetime.now(UTC),
            connector=1,
            id_tag=id_tag,
            status="",
            reason="",
            is_offline=False,
            readings=(),
            seq_no=seq_no,
            report=Report.UPDATED if seq_no else Report.STARTED,
        )
        charging.ingest.store([fact], datetime.now(UTC))
        return olga.get(PAGE).text

    assert "on connector 1, without a card." in report(0, None)
    assert "this card was refused, since it is not known here." in report(1, "STRANGER")
    assert "on connector 1.</p>" in report(2, cast.ada.id_tag)


def test_one_run_at_a_time(olga: FlaskClient, cast: Cast) -> None:
    begin(olga)

    again = forms.fill_in(olga, "/actions/charger/commission?identity=depot-7")

    assert (again.status_code, "is open already" in again.text) == (422, True)
    assert Commissioning.select().count() == 1


def test_a_report_is_compared_with_the_one_before(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    for firmware in ("1.0", "2.0"):
        Charger.update(firmware=firmware).execute()
        begin(olga)
        if firmware == "2.0":
            charging.start(cast.ada.id_tag)
        forms.fill_in(olga, "/actions/charger/end-commission?identity=depot-7")
    first, second = Commissioning.select().order_by(Commissioning.id)

    report = olga.get(f"{PAGE}/{second.id}").text

    assert "firmware 1.0" in report
    assert "The time before: Not seen" in report
    assert "The time before" not in olga.get(f"{PAGE}/{first.id}").text


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({"ask": "explode 0"}, 422, ""),
        ({}, 422, ""),
        ({"ask": "set 0 AuthorizationKey"}, 303, "Nothing is recommended for AuthorizationKey."),
        ({"ask": "restart 0"}, 303, ""),
        ({"ask": "unlock 0 1"}, 303, ""),
        ({"ask": "unlock 0"}, 422, ""),
        ({"ask": "stop"}, 422, ""),
    ],
)
def test_nothing_else_can_be_asked(
    olga: FlaskClient, charging: Charging, values: dict[str, str], status: int, words: str
) -> None:
    begin(olga)

    answer = forms.post(olga, f"{PAGE}/actions", page=PAGE, **values)

    assert answer.status_code == status
    assert words in olga.get(PAGE).text
    assert not Command.select().where(Command.kind == "set-configuration").exists()


def test_an_ended_run_says_what_its_report_says(olga: FlaskClient, cast: Cast) -> None:
    begin(olga)
    running = olga.get(PAGE).text
    assert "Waiting" in running
    assert "Plug in a car" in running
    forms.fill_in(olga, "/actions/charger/end-commission?identity=depot-7")

    for path in (PAGE, f"{PAGE}/{Commissioning.get().id}", "/live/chargers/depot-7/commission?once"):
        page = olga.get(path).text
        assert "Not seen" in page
        assert "Waiting" not in page
        assert "Plug in a car" not in page


def test_it_is_titled_with_the_name(olga: FlaskClient, cast: Cast) -> None:
    Charger.update(name="By the gate").execute()
    begin(olga)
    page = olga.get(PAGE).text
    assert "<h1>Commission By the gate</h1>" in page
    assert "<span>By the gate</span>" in page
    assert "Identity: depot-7" in page


def test_another_reason_is_not_replaced_unseen(olga: FlaskClient, cast: Cast) -> None:
    begin(olga)
    skip = "/actions/charger/skip-step?identity=depot-7&step=unlocked"
    stale = forms.fields(olga.get(skip).text)
    forms.fill_in(olga, skip, reason="A fixed cable")

    refused = olga.post(skip, data=stale | {"reason": "No time"})
    assert (refused.status_code, "It is left out because: A fixed cable" in refused.text) == (409, True)
    assert olga.post(skip, data=stale | {"reason": "A fixed cable"}).status_code == 303  # it is so
    assert forms.fill_in(olga, skip, reason="No time").status_code == 303
    assert "Take “It releases the cable” up again?" in olga.get(skip).text
    assert forms.fill_in(olga, skip).status_code == 303

    assert Commissioning.get().skipped == "{}"
    assert [(row.action, row.detail) for row in AuditEntry.select().where(AuditEntry.action.contains("step_"))] == [
        ("commissioning.step_skipped", "unlocked: A fixed cable"),
        ("commissioning.step_skipped", "unlocked: No time, instead of: A fixed cable"),
        ("commissioning.step_taken_up", "unlocked: No time"),
    ]


def test_steps_are_chosen_by_their_words(olga: FlaskClient, cast: Cast) -> None:
    begin(olga)
    page = olga.get("/actions/charger/skip-step?identity=depot-7").text
    for step, words in STEPS.items():
        assert re.search(rf'<option value="{step}"[^>]*>{words}</option>', page)
    assert ">Clear cache</option>" in olga.get("/actions/bulk/dry-run").text


def test_an_ended_run_asks_nothing(olga: FlaskClient, charging: Charging) -> None:
    begin(olga)
    forms.fill_in(olga, "/actions/charger/end-commission?identity=depot-7")

    forms.post(olga, f"{PAGE}/actions", page=PAGE, ask="restart 0")

    assert "has ended" in olga.get(PAGE).text
    assert not Command.select().exists()


@pytest.mark.parametrize("number", ["0", "2147483648", "99999999999999999999", "x"])
def test_no_such_report(olga: FlaskClient, cast: Cast, number: str) -> None:
    assert olga.get(f"{PAGE}/{number}").status_code == 404


def test_shown_on_the_command_line(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    run = app.test_cli_runner()
    assert "Begin with: charger commission depot-7" in run.invoke(args=["charger", "commissioning", "depot-7"]).output
    begin(olga)
    shown = run.invoke(args=["charger", "commissioning", "depot-7"]).output
    assert "connected" in shown  # what `skip-step` takes
    assert "still open." in shown


def test_a_second_press_sends_nothing_more(olga: FlaskClient, charging: Charging) -> None:
    begin(olga)
    for press in ("restart 0", "restart 0", "restart 1"):
        assert forms.post(olga, f"{PAGE}/actions", page=PAGE, ask=press).status_code == 303

    assert Command.select().count() == 2


def test_a_session_is_not_interrupted(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    begin(olga)
    charging.start(cast.ada.id_tag)

    forms.post(olga, f"{PAGE}/actions", page=PAGE, ask="restart 0")

    assert "End what runs there first: session 1 on connector 1." in olga.get(PAGE).text
    assert not Command.select().exists()


def test_a_button_acts_on_what_it_named(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    begin(olga)
    shown = charging.start(cast.ada.id_tag)
    page = olga.get(PAGE).text
    assert f'value="stop {shown}"' in page
    assert 'value="unlock 0 1"' in page
    charging.end(shown, 2000)
    other = charging.start(cast.ada.id_tag, connector=2)

    forms.post(olga, f"{PAGE}/actions", page=PAGE, ask=f"stop {shown}")
    assert f"Session {other} runs now, and your page showed another, so nothing was stopped." in olga.get(PAGE).text
    forms.post(olga, f"{PAGE}/actions", page=PAGE, ask="unlock 0 1")
    assert "Connector 2 was used last, and your page showed another" in olga.get(PAGE).text
    assert not StopRequest.select().exists()
    assert not Command.select().exists()
    forms.post(olga, f"{PAGE}/actions", page=PAGE, ask=f"stop {other}")

    assert StopRequest.get().session_id == other


@pytest.mark.parametrize(("verb", "status"), [("end-commission", 303), ("skip-step", 409)])
def test_a_form_changes_no_other_run(olga: FlaskClient, cast: Cast, verb: str, status: int) -> None:
    begin(olga)
    path = f"/actions/charger/{verb}?identity=depot-7&step=metered&reason=Short"
    form = forms.fields(olga.get(path).text)
    forms.fill_in(olga, "/actions/charger/end-commission?identity=depot-7")
    begin(olga)

    assert olga.post(path, data=form).status_code == status
    newest = Commissioning.select().order_by(Commissioning.id.desc()).first()
    assert (newest.ended_at, newest.skipped) == (None, "{}")

"""The forms of verbs: who may use them, what they show first, what they refuse; nothing is overwritten unseen."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape

import pytest
from flask.testing import FlaskClient

from polaris import administration
from polaris.domain.arguments import Kind
from polaris.ingest import Ingest, RefusedHandshake
from polaris.models import Account, AuditEntry, Charger, ChargingSession, EvCard, SentForm, Site
from polaris.verbs import GROUPS
from polaris.web.actions.routes import OWN_PAGES
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging

EACH = [(group, name) for group, verbs in GROUPS.items() for name in verbs]
HOSTILE = "<script>alert(1)</script>"


def audited() -> list[tuple[str, str, str, str]]:
    rows = AuditEntry.select().where(AuditEntry.actor == "olga@example.com").order_by(AuditEntry.id)
    return [(row.actor, row.action, row.target, row.detail) for row in rows]


@pytest.mark.parametrize(("group", "name"), EACH)
def test_each_verb_has_a_form_for_operators_alone(client: FlaskClient, cast: Cast, group: str, name: str) -> None:
    path = f"/actions/{group}/{name}"
    assert client.get(path).location == f"/sign-in?next=/actions/{group}/{name}"
    forms.sign_in(client, cast.ada)
    for answer in (client.get(path), forms.post(client, path, page="/account", email=cast.ada.email)):
        assert (answer.status_code, "Page not found" in answer.text) == (404, True)
    assert {row.action for row in AuditEntry.select().where(AuditEntry.actor == cast.ada.email)} == {
        "device.signed_in",
        "page.refused",
    }
    client.delete_cookie("polaris")
    forms.sign_in(client, cast.olga)

    page = client.get(path, follow_redirects=True)

    assert page.status_code == 200
    for argument in GROUPS[group][name].arguments:
        assert f'name="{argument.name}"' in page.text
    assert client.post(path, data={}).status_code == 400  # without its token


@pytest.mark.parametrize(
    ("path", "title"),
    [("charger/name", "Fleet"), ("bulk/dry-run", "Fleet"), ("card/add", "Cards"), ("account/invite", "People")],
)
def test_form_belongs_to_a_part_of_the_sidebar(olga: FlaskClient, path: str, title: str) -> None:
    current = re.findall(r'aria-current="true">.*?<span>(\w+)</span>', olga.get(f"/actions/{path}").text, re.DOTALL)
    assert current == [title]


@pytest.mark.parametrize("path", ["/actions/charger/nothing", "/actions/nothing/add", "/actions/charger/__class__"])
def test_there_are_no_others(olga: FlaskClient, path: str) -> None:
    assert olga.get(path).status_code == 404


def test_a_card_is_added(olga: FlaskClient, cast: Cast) -> None:
    answer = forms.fill_in(olga, f"/actions/card/add?email={cast.ben.email}&next=/fleet", id_tag="f6 ca 0c c5")

    assert (answer.status_code, answer.location) == (303, "/fleet")
    assert EvCard.get(EvCard.id_tag == "F6CA0CC5").account_id == cast.ben.id
    assert audited()[-1] == (cast.olga.email, "card.added", "F6CA0CC5", cast.ben.email)
    assert "Card f6 ca 0c c5 was added to ben@example.com." in olga.get("/fleet").text
    again = forms.fill_in(olga, f"/actions/card/add?email={cast.ben.email}", id_tag="f6 ca 0c c5")
    assert (again.status_code, "There is a card F6CA0CC5 already." in again.text) == (422, True)


def test_what_is_wrong_stands_beside_its_field(olga: FlaskClient) -> None:
    answer = forms.fill_in(olga, "/actions/charger/set-power", identity="depot-7", kw="7,4")

    assert answer.status_code == 422
    assert 'value="7,4"' in answer.text
    assert 'id="field-kw-error"' in answer.text
    assert "Type a number with a point before its decimals, such as 0.39." in answer.text
    assert 'id="field-identity-error"' not in answer.text


def test_present_values_are_where_the_form_begins(olga: FlaskClient, cast: Cast) -> None:
    page = olga.get(f"/actions/charger/name?identity={cast.depot_7.identity}").text
    assert 'value="Depot 7"' in page

    answer = forms.fill_in(olga, f"/actions/charger/name?identity={cast.depot_7.identity}", name=HOSTILE)

    assert (answer.status_code, Charger.get().name) == (303, HOSTILE)
    assert audited()[-1][1:] == ("charger.renamed", "depot-7", f"Depot 7 to {HOSTILE}")
    assert HOSTILE not in olga.get(f"/actions/charger/name?identity={cast.depot_7.identity}").text


NUMBERS = [
    (group, name, argument.name)
    for group, verbs in GROUPS.items()
    for name, verb in verbs.items()
    for argument in verb.arguments
    if argument.kind in (Kind.NUMBER, Kind.AMOUNT) and (group, name) not in OWN_PAGES
]


@pytest.mark.parametrize(("group", "name", "field"), NUMBERS)
@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "NaN", "Infinity", "-1", "9" * 400, "0,39", "\u0663"])
def test_each_number_has_bounds(olga: FlaskClient, cast: Cast, group: str, name: str, field: str, text: str) -> None:
    verb, path = GROUPS[group][name], f"/actions/{group}/{name}"
    typed = {each.name: (*each.choices, "1")[0] for each in verb.arguments if each.is_required}
    typed |= {"identity": "depot-7"} if verb.target == "identity" else {}
    opened = forms.fields(olga.get(f"{path}?{verb.target}={typed[verb.target]}").text)

    answer = olga.post(path, data=opened | typed | {field: text}, buffered=True)

    assert answer.status_code == 422
    assert "xpected" not in answer.text
    assert olga.get(f"{path}?{field}={text}", buffered=True).status_code == 200


def test_nothing_is_overwritten_unseen(olga: FlaskClient, cast: Cast) -> None:
    path = "/actions/charger/name?identity=depot-7"
    opened = forms.fields(olga.get(path).text)
    forms.fill_in(olga, path, name="Harbour")

    answer = olga.post(path, data=opened | {"name": "Station"}, buffered=True)

    assert (answer.status_code, Charger.get().name) == (409, "Harbour")
    shown = unescape(answer.text)
    assert "It was changed meanwhile" in shown
    assert "Now: Harbour" in shown
    assert 'value="Station"' in shown
    assert olga.post(path, data=forms.fields(answer.text), buffered=True).status_code == 303
    assert Charger.get().name == "Station"


def test_a_renamed_target_is_not_taken_for_done(olga: FlaskClient, cast: Cast) -> None:
    forms.fill_in(olga, "/actions/site/set?name=Yard", time_zone="Europe/Berlin", currency="EUR")
    path = "/actions/site/set?name=Yard"
    opened = forms.fields(olga.get(path).text) | {"time_zone": "Europe/London", "currency": "GBP"}
    forms.fill_in(olga, "/actions/site/rename?name=Yard", new_name="Harbour")

    answer = olga.post("/actions/site/set", data=opened, buffered=True)

    assert (answer.status_code, "it was renamed or deleted" in answer.text) == (409, True)
    assert {(site.name, site.currency) for site in Site.select()} == {("Main", "EUR"), ("Harbour", "EUR")}


def test_the_same_by_somebody_else_is_so_already(olga: FlaskClient, cast: Cast) -> None:
    opened = forms.fields(olga.get("/actions/charger/name?identity=depot-7").text) | {"name": "Harbour"}
    forms.fill_in(olga, "/actions/charger/name?identity=depot-7", name="Harbour")
    before = audited()

    answer = olga.post("/actions/charger/name", data=opened, follow_redirects=True, buffered=True)

    assert "That is so already." in answer.text
    assert audited() == before


def test_a_second_press_changes_nothing_more(olga: FlaskClient, cast: Cast) -> None:
    path = "/actions/charger/set-power?identity=depot-7"
    opened = forms.fields(olga.get(path).text) | {"kw": "22"}
    assert olga.post(path, data=opened, buffered=True).status_code == 303
    before = audited()

    assert olga.post(path, data=opened, buffered=True).status_code == 303

    assert (audited(), Charger.get().max_power_w) == (before, 22_000)


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/actions/charger/new-key?identity=depot-7", {}),
        ("/actions/charger/disconnect?identity=depot-7", {}),
        ("/actions/account/password?email=ben@example.com", {"password": "another long password"}),
        ("/actions/account/sign-out?email=ben@example.com", {}),
        ("/actions/account/invite", {"email": "eve@example.com", "role": "driver"}),
        ("/actions/card/add?email=ben@example.com", {"id_tag": "F6CA0CC5"}),
    ],
)
def test_a_form_makes_its_change_once(olga: FlaskClient, cast: Cast, path: str, typed: dict[str, str]) -> None:
    opened = forms.fields(olga.get(path).text) | typed
    path = path.partition("?")[0]
    first = olga.post(path, data=opened, buffered=True)
    assert first.status_code in (200, 303), first.text
    before, keys = audited(), [charger.key_hash for charger in Charger.select()]

    again = olga.post(path, data=opened, follow_redirects=True, buffered=True)

    assert "That has been done already, and was not done again." in again.text
    assert (audited(), [charger.key_hash for charger in Charger.select()]) == (before, keys)


def test_other_values_are_another_change(olga: FlaskClient, cast: Cast) -> None:
    opened = forms.fields(olga.get("/actions/card/add?email=ben@example.com").text)
    for id_tag in ("F6CA0CC5", "F6CA0CC6"):
        assert olga.post("/actions/card/add", data=opened | {"id_tag": id_tag}, buffered=True).status_code == 303
    assert EvCard.select().where(EvCard.account == cast.ben.id, EvCard.id_tag.startswith("F6CA")).count() == 2


def test_a_refused_form_can_be_sent_again(olga: FlaskClient, cast: Cast) -> None:
    opened = forms.fields(olga.get("/actions/card/add?email=ben@example.com").text) | {"id_tag": cast.ada.id_tag}
    assert olga.post("/actions/card/add", data=opened, buffered=True).status_code == 422
    EvCard.delete().where(EvCard.id_tag == cast.ada.id_tag).execute()

    assert olga.post("/actions/card/add", data=opened, buffered=True).status_code == 303


def test_a_form_whose_change_may_be_under_way_is_refused(olga: FlaskClient, cast: Cast) -> None:
    opened = forms.fields(olga.get("/actions/card/add?email=ben@example.com").text) | {"id_tag": "F6CA0CC5"}
    olga.post("/actions/card/add", data=opened, buffered=True)
    SentForm.update(is_done=False).execute()  # as if its process had been killed

    again = olga.post("/actions/card/add", data=opened, buffered=True)

    assert (again.status_code, "may still be under way" in again.text) == (422, True)


def test_a_target_that_was_typed_is_shown_first(olga: FlaskClient, cast: Cast) -> None:
    answer = forms.fill_in(olga, "/actions/charger/name", identity="depot-7", name="Harbour")

    assert (answer.status_code, Charger.get().name) == (200, "Depot 7")
    assert "Now: Depot 7" in answer.text
    assert olga.post("/actions/charger/name", data=forms.fields(answer.text)).status_code == 303
    assert Charger.get().name == "Harbour"


def test_one_of_two_figures_is_not_overwritten(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 5200)
    path = f"/actions/session/set-energy?number={number}"
    opened = forms.fields(olga.get(path).text)
    assert forms.fill_in(olga, path, kwh="3", why="main meter").status_code == 303

    answer = olga.post("/actions/session/set-energy", data=opened | {"kwh": "4", "why": "a guess"}, buffered=True)

    assert (answer.status_code, ChargingSession.get().decided_wh) == (409, 3000)
    assert "Now: 3" in answer.text
    assert olga.get("/actions/session/set-energy?number=many").status_code == 200


def test_a_session_is_closed_as_it_was_shown(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    administration.set_tariff("Main", per_kwh=Decimal("0.50"), actor=ACTOR, now=now())
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 5000)
    path = f"/actions/session/close?number={number}"
    assert f"Nothing speaks for session {number} being over." in olga.get(path).text
    charging.status("Available")
    page = olga.get(path).text
    assert "The charger reported the connector Available." in page
    assert re.search(r"Session 1, connector 1, ada@example.com: ends at [\d :-]+ UTC, its last reading,", page)
    assert "with 4.00 kWh, 2.00 EUR" in page
    charging.meter(number, 6000)
    charging.status("Available")

    answer = olga.post("/actions/session/close", data=forms.fields(page), buffered=True)

    assert (answer.status_code, ChargingSession.get().state) == (409, "active")
    assert olga.post("/actions/session/close", data=forms.fields(answer.text)).status_code == 303
    assert ChargingSession.get().state == "estimated"
    assert f"Session {number} has ended already." in olga.get(path).text


def test_who_would_be_hit_is_named_and_nobody_else_is(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    path = "/actions/charger/block?identity=depot-7"
    charging.start(cast.ada.id_tag)
    page = olga.get(path).text
    assert "Session 1, connector 1, ada@example.com" in page
    charging.start(cast.ben.id_tag, connector=2)

    answer = olga.post(path, data=forms.fields(page), buffered=True)

    assert (answer.status_code, Charger.get().status) == (409, "active")
    assert "Session 2, connector 2, ben@example.com" in answer.text
    assert olga.post(path, data=forms.fields(answer.text)).status_code == 303
    assert Charger.get().status == "blocked"


@pytest.mark.parametrize(
    ("path", "harm", "harmless"),
    [
        ("/actions/charger/profile?identity=depot-7", {"profile": "2"}, {"profile": "1"}),
        ("/actions/account/status?email=ada@example.com", {"status": "suspended"}, {"status": "active"}),
    ],
)
def test_who_charges_is_not_cut_off_unseen(
    olga: FlaskClient, cast: Cast, charging: Charging, path: str, harm: dict[str, str], harmless: dict[str, str]
) -> None:
    opened = forms.fields(olga.get(path).text)
    number = charging.start(cast.ada.id_tag)
    before = audited()

    answer = olga.post(path.partition("?")[0], data=opened | harm, buffered=True)

    assert (answer.status_code, audited()) == (409, before)
    assert f"Session {number}, " in olga.get(path).text
    assert f"Session {number}, " in answer.text
    assert olga.post(path.partition("?")[0], data=opened | harmless, buffered=True).status_code == 303
    assert olga.post(path.partition("?")[0], data=forms.fields(answer.text), buffered=True).status_code == 303
    assert audited() != before


def knock(ingest: Ingest, identity: str, key_hash: str, address: str = "10.0.0.5") -> None:
    handshake = RefusedHandshake(identity, address, "ocpp1.6", key_hash, 1, now(), now(), 1, f"/ocpp/{identity}")
    ingest.note_refused_handshakes([handshake], now())


def test_no_other_key_is_accepted_than_was_shown(olga: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    knock(ingest, "depot-9", "hash-a")
    path = "/actions/charger/accept?identity=depot-9&address=10.0.0.5"
    opened = forms.fields(olga.get(path).text)
    knock(ingest, "depot-9", "hash-b")

    answer = olga.post("/actions/charger/accept", data=opened, buffered=True)

    assert (answer.status_code, Charger.select().count()) == (409, 1)
    assert "offered from 10.0.0.5" in answer.text
    knock(ingest, "depot-9", "hash-b")
    knock(ingest, "depot-9", "hash-of-a-stranger", "8.8.8.8")  # which is not asked for
    assert olga.post("/actions/charger/accept", data=forms.fields(answer.text), buffered=True).status_code == 303
    assert Charger.get(Charger.identity == "depot-9").key_hash == "hash-b"


def test_who_charges_is_named_before_a_key_is_replaced(
    olga: FlaskClient, cast: Cast, ingest: Ingest, charging: Charging
) -> None:
    knock(ingest, "depot-7", "hash-a")
    charging.start(cast.ada.id_tag)
    page = olga.get("/actions/charger/accept?identity=depot-7&address=10.0.0.5").text
    assert "Session 1, connector 1, ada@example.com" in page
    assert "Its own key is replaced" in page


def test_a_key_is_shown_once(olga: FlaskClient, cast: Cast) -> None:
    answer = forms.fill_in(olga, "/actions/charger/add", identity="depot-9", name="", site="Main")

    assert answer.status_code == 200
    assert "Charger depot-9 was added." in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.count("<code>") == 1


def test_a_file_is_added_whole_or_not_at_all(olga: FlaskClient, cast: Cast) -> None:
    lines = "identity,name,password\nd-1,One,\n"
    refused = forms.fill_in(olga, "/actions/charger/import", file=f"{lines}depot-7,Again,\n")
    assert (refused.status_code, "Line 3: There is a charger depot-7 already." in refused.text) == (422, True)
    assert "d-1,One," in refused.text

    assert forms.fill_in(olga, "/actions/charger/import", file=lines).status_code == 200
    assert {row.identity for row in Charger.select()} == {"depot-7", "d-1"}


def test_sign_in_is_changed_after_a_fresh_proof_alone(olga: FlaskClient, cast: Cast) -> None:
    forms.fill_in(olga, f"/actions/account/password?email={cast.ben.email}", password="another long password")
    assert audited()[-1][1:3] == ("account.password_changed", cast.ben.email)
    from polaris.models import EPOCH, SignIn

    SignIn.update(confirmed_at=EPOCH).execute()

    answer = olga.get(f"/actions/account/password?email={cast.ben.email}")

    assert answer.location.startswith("/confirm?next=")


def test_the_last_operator_stays(olga: FlaskClient, cast: Cast) -> None:
    for verb, field, value in (("role", "role", "driver"), ("status", "status", "suspended")):
        answer = forms.fill_in(olga, f"/actions/account/{verb}?email={cast.olga.email}", **{field: value})
        assert (answer.status_code, "is the only active operator" in answer.text) == (422, True)
    answer = forms.fill_in(olga, f"/actions/account/erase?email={cast.olga.email}")
    assert (answer.status_code, "is the only active operator" in answer.text) == (422, True)
    assert (Account.get_by_id(cast.olga.id).role, Account.get_by_id(cast.olga.id).status) == ("operator", "active")
    assert forms.fill_in(olga, f"/actions/account/role?email={cast.ben.email}", role="operator").status_code == 303
    assert forms.fill_in(olga, f"/actions/account/role?email={cast.olga.email}", role="driver").status_code == 303
    assert olga.get("/fleet").status_code == 404


def test_a_site_is_made_changed_renamed_and_deleted(olga: FlaskClient, cast: Cast) -> None:
    typed = {"name": "Depot", "time_zone": "Europe/Berlin", "currency": "CHF", "address": "Am Hafen 1"}
    assert forms.fill_in(olga, "/actions/site/set?name=Depot", **typed).status_code == 303
    assert forms.fill_in(olga, "/actions/site/set?name=Depot", time_zone="Mars/Base").status_code == 422
    assert forms.fill_in(olga, "/actions/site/set?name=Depot", currency="EUR").status_code == 303
    assert audited()[-1][1:] == ("site.changed", "Depot", "currency: CHF to EUR")
    assert forms.fill_in(olga, "/actions/site/rename?name=Depot", new_name="Main").status_code == 422
    assert forms.fill_in(olga, "/actions/site/rename?name=Depot", new_name="Yard").status_code == 303
    refused = forms.fill_in(olga, "/actions/site/delete?name=Main")
    assert (refused.status_code, "Move them first" in refused.text) == (422, True)
    assert forms.fill_in(olga, "/actions/site/delete?name=Yard").status_code == 303
    assert [site.name for site in Site.select()] == ["Main"]


@pytest.mark.parametrize("name", ["x" * 10_000, "\0", "", "two\nlines"])
def test_a_name_that_cannot_be_is_refused(olga: FlaskClient, cast: Cast, name: str) -> None:
    answer = forms.fill_in(olga, "/actions/charger/name?identity=depot-7", name=name)

    assert (answer.status_code, Charger.get().name) == (422, "Depot 7")

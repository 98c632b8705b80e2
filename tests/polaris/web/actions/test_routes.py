"""The forms of verbs: who may use them, what they show first, what they refuse; nothing is overwritten unseen."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from polaris.domain.arguments import Kind
from polaris.models import Account, AuditEntry, Charger, EvCard, Site
from polaris.verbs import GROUPS
from polaris.web.actions.routes import OWN_PAGES
from tests.support import forms
from tests.support.cast import Cast

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
    assert again.status_code == 303
    assert "ben@example.com has card F6CA0CC5 already." in olga.get("/fleet").text
    assert [row[1] for row in audited()].count("card.added") == 1
    others = forms.fill_in(olga, f"/actions/card/add?email={cast.ada.email}", id_tag="F6CA0CC5")
    assert (others.status_code, "already: it belongs to ben@example.com." in others.text) == (422, True)


def test_what_is_wrong_stands_beside_its_field(olga: FlaskClient) -> None:
    answer = forms.fill_in(olga, "/actions/charger/power", identity="depot-7", kw="7,4")

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


@pytest.mark.parametrize(
    ("verb", "field", "value", "act"),
    [
        ("status", "status", "stopped", "Stop"),
        ("status", "status", "suspended", "Suspend"),
        ("role", "role", "operator", "Make operator"),
    ],
)
def test_a_button_says_what_it_does(olga: FlaskClient, cast: Cast, verb: str, field: str, value: str, act: str) -> None:
    path = f"/actions/account/{verb}?email={cast.ada.email}"
    assert f'<select class="field__input" id="field-{field}"' in olga.get(path).text

    page = olga.get(f"{path}&{field}={value}").text

    assert f'type="submit">{act}<' in page
    assert (f'<select class="field__input" id="field-{field}"' in page, "signed out" in page) == (False, False)
    assert forms.fill_in(olga, f"{path}&{field}={value}").status_code == 303
    assert getattr(Account.get_by_id(cast.ada.id), field) == value


def test_making_somebody_active_asks_nothing_more(olga: FlaskClient, cast: Cast) -> None:
    forms.fill_in(olga, f"/actions/account/status?email={cast.ada.email}&status=suspended")

    page = olga.get(f"/actions/account/status?email={cast.ada.email}&status=active").text

    assert "<strong>Make ada@example.com active?</strong>" in page
    assert 'type="submit">Make active<' in page


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

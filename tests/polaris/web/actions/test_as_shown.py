"""A press does what its form has shown, to whom it has shown, and once."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.config import Config
from polaris.ingest import Ingest, RefusedHandshake
from polaris.models import Charger, ChargingSession, EvCard, SentForm, Site, UnknownCard
from tests.polaris.web.actions.test_routes import audited
from tests.support import forms
from tests.support.cast import ACTOR, Cast, add_charger, now
from tests.support.charging import Charging
from tests.support.settings import key, report

OLGA = "olga@example.com"


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

    assert (answer.status_code, "it was renamed: it is called Harbour now." in answer.text) == (409, True)
    assert {(site.name, site.currency) for site in Site.select()} == {("Main", "EUR"), ("Harbour", "EUR")}
    forms.fill_in(olga, "/actions/site/delete?name=Harbour")
    answer = olga.post("/actions/site/set", data=opened, buffered=True)
    assert (answer.status_code, "it was renamed or deleted" in answer.text) == (409, True)


@pytest.mark.parametrize(
    ("path", "typed", "shown"),
    [
        ("/actions/charger/name?identity=depot-7", {"identity": "yard-1", "name": "New"}, "Now: Yard 1"),
        ("/actions/site/rename?name=Main", {"name": "Yard", "new_name": "New"}, "Now: Yard"),
        ("/actions/charger/retire?identity=depot-7", {"identity": "yard-1"}, "yard-1"),
    ],
)
def test_a_form_is_of_the_target_that_it_has_shown(
    olga: FlaskClient, cast: Cast, config: Config, path: str, typed: dict[str, str], shown: str
) -> None:
    """Nobody has changed the other one that was typed over it: it is shown first."""
    administration.set_site("Yard", actor=ACTOR, now=now())
    add_charger(config, "yard-1", name="Yard 1")
    before = audited()
    answer = forms.fill_in(olga, path, **typed)
    assert (answer.status_code, audited()) == (200, before)
    assert "Nothing was done yet." in answer.text
    assert shown in answer.text
    assert "meanwhile" not in answer.text.lower()
    assert olga.post(path.partition("?")[0], data=forms.fields(answer.text), buffered=True).status_code == 303
    assert audited()[-1][2] in {"yard-1", "Yard"}


@pytest.mark.parametrize(
    ("path", "typed", "hit"),
    [
        ("/actions/charger/new-key?identity=depot-7", {}, f"The new key of depot-7, made at .* UTC by {OLGA}"),
        ("/actions/charger/link-electrician?identity=depot-7", {"hours": "2"}, f"The link of depot-7, made by {OLGA}"),
        (
            "/actions/account/password?email=ben@example.com",
            {"password": "another long password"},
            f"It was changed at .* UTC by {OLGA}",
        ),
    ],
)
def test_what_a_colleague_was_given_is_not_replaced_unseen(
    olga: FlaskClient, cast: Cast, path: str, typed: dict[str, str], hit: str
) -> None:
    forms.fill_in(olga, "/actions/charger/commission?identity=depot-7")
    one, other = (forms.fields(olga.get(path).text) | typed for _ in range(2))
    action = path.partition("?")[0]
    assert olga.post(action, data=one, buffered=True).status_code in (200, 303)
    before = audited()

    answer = olga.post(action, data=other, buffered=True)

    assert (answer.status_code, audited()) == (409, before)
    assert re.search(hit, answer.text)
    assert olga.post(action, data=forms.fields(answer.text) | typed, buffered=True).status_code in (200, 303)
    assert audited() != before


@pytest.mark.parametrize(
    ("make", "one", "other", "remove"),
    [
        (
            "fleet/save-filter?name=A",
            {"query": "state=Faulted"},
            {"query": "state=stuck"},
            "fleet/delete-filter?name=A",
        ),
        ("fleet/add-wall?name=A", {"days": "1"}, {"days": "2"}, "fleet/remove-wall?name=A"),
        ("baseline/save?name=A", {"identity": "depot-7"}, {"identity": "yard-1"}, "baseline/delete?name=A"),
        (
            "account/invite?email=zoe@example.com",
            {"role": "driver"},
            {"role": "operator"},
            "account/withdraw-invitation?email=zoe@example.com",
        ),
        (
            "charger/link-electrician?identity=depot-7",
            {"hours": "1"},
            {"hours": "2"},
            "charger/revoke-link?identity=depot-7",
        ),
    ],
)
def test_what_a_colleague_made_under_the_same_name_is_not_removed_unseen(
    olga: FlaskClient,
    cast: Cast,
    config: Config,
    make: str,
    one: dict[str, str],
    other: dict[str, str],
    remove: str,
) -> None:
    for charger in (cast.depot_7, add_charger(config, "yard-1")):
        report(cast, key("Interval", "60"), charger=charger)
    forms.fill_in(olga, "/actions/charger/commission?identity=depot-7")
    forms.fill_in(olga, f"/actions/{make}", **one)
    path = f"/actions/{remove}"
    opened = forms.fields(olga.get(path).text)
    assert forms.fill_in(olga, path).status_code == 303
    assert forms.fill_in(olga, f"/actions/{make}", **other).status_code in (200, 303)
    before = audited()

    answer = olga.post(path.partition("?")[0], data=opened, buffered=True)

    assert (answer.status_code, audited()) == (409, before)
    assert olga.post(path.partition("?")[0], data=forms.fields(answer.text), buffered=True).status_code == 303
    assert len(audited()) == len(before) + 1


@pytest.mark.parametrize(
    ("stale", "status", "words"),
    [("block", 422, "Charger depot-7 is retired, so it is refused already."), ("unblock", 409, "is retired")],
)
def test_a_stale_form_brings_no_retired_charger_back(
    olga: FlaskClient, cast: Cast, stale: str, status: int, words: str
) -> None:
    opened = forms.fields(olga.get(f"/actions/charger/{stale}?identity=depot-7").text)
    forms.fill_in(olga, "/actions/charger/retire?identity=depot-7")

    answer = olga.post(f"/actions/charger/{stale}", data=opened, buffered=True)

    assert (answer.status_code, Charger.get().status) == (status, "retired")
    assert words in answer.text


@pytest.mark.parametrize(
    ("path", "typed", "status", "words"),
    [
        ("/actions/charger/block?identity=depot-7", {}, 303, "Charger depot-7 is blocked already."),
        ("/actions/charger/retire?identity=depot-7", {}, 303, "Charger depot-7 is retired already."),
        ("/actions/site/rename?name=Yard", {"new_name": "Harbour"}, 409, "it is called Harbour now"),
        ("/actions/site/delete?name=Yard", {}, 422, "It may have been deleted already."),
        ("/actions/charger/accept?identity=depot-9&address=10.0.0.5", {}, 422, "since it was accepted."),
    ],
)
def test_a_second_tab_does_not_read_as_a_failure(
    olga: FlaskClient, cast: Cast, ingest: Ingest, path: str, typed: dict[str, str], status: int, words: str
) -> None:
    """A second form of the same change, sent after the answer to the first was lost."""
    forms.fill_in(olga, "/actions/site/set?name=Yard", time_zone="Europe/Berlin", currency="EUR")
    knock(ingest, "depot-9", "hash-a")
    tabs = [forms.fields(olga.get(path).text) | typed for _ in range(2)]
    assert olga.post(path.partition("?")[0], data=tabs[0], buffered=True).status_code == 303
    before = audited()

    answer = olga.post(path.partition("?")[0], data=tabs[1], buffered=True)

    assert (answer.status_code, audited()) == (status, before)
    assert words in (olga.get("/fleet").text if status == 303 else answer.text)


def test_the_same_by_somebody_else_is_so_already(olga: FlaskClient, cast: Cast) -> None:
    opened = forms.fields(olga.get("/actions/charger/name?identity=depot-7").text) | {"name": "Harbour"}
    forms.fill_in(olga, "/actions/charger/name?identity=depot-7", name="Harbour")
    before = audited()

    answer = olga.post("/actions/charger/name", data=opened, follow_redirects=True, buffered=True)

    assert "That is so already." in answer.text
    assert audited() == before


def test_a_second_press_changes_nothing_more(olga: FlaskClient, cast: Cast) -> None:
    path = "/actions/charger/power?identity=depot-7"
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
    assert "Nothing was done yet." in answer.text
    assert olga.post("/actions/charger/name", data=forms.fields(answer.text)).status_code == 303
    assert Charger.get().name == "Harbour"


def test_what_is_new_is_made_by_the_first_press(olga: FlaskClient, cast: Cast) -> None:
    answer = forms.fill_in(
        olga, "/actions/charger/add", identity="yard-1", profile="1", password="a-long-key-of-16-signs"
    )

    assert answer.status_code == 303
    assert Charger.select().where(Charger.identity == "yard-1").exists()


def test_a_new_site_is_said_before_it_is_made(olga: FlaskClient, cast: Cast) -> None:
    """A name may be mistyped."""
    answer = forms.fill_in(olga, "/actions/site/set", name="Harbour", time_zone="Europe/Berlin", currency="EUR")

    assert (answer.status_code, Site.select().count()) == (200, 1)
    assert "There is no site Harbour yet: a new one is made." in answer.text
    assert "There is no site" not in olga.get("/actions/site/set?name=Main").text
    assert olga.post("/actions/site/set", data=forms.fields(answer.text)).status_code == 303
    assert Site.get(Site.name == "Harbour").currency == "EUR"
    assert "A new site Harbour was made: Europe/Berlin, EUR." in olga.get("/sites").text


@pytest.mark.parametrize(
    ("path", "typed"),
    [("/actions/site/set", {"name": "mAIN"}), ("/actions/site/rename?name=Yard", {"new_name": "mAIN"})],
)
def test_two_sites_differ_in_more_than_case(
    app: Flask, olga: FlaskClient, cast: Cast, path: str, typed: dict[str, str]
) -> None:
    administration.set_site("Yard", actor=ACTOR, now=now())
    sentence = "There is a site Main already, whose name differs in case alone."
    answer = forms.fill_in(olga, path, **typed)
    assert (answer.status_code, f'error">{sentence}</p>' in answer.text) == (422, True)
    command = ["rename", "Yard", "mAIN"] if "rename" in path else ["set", "mAIN"]
    assert sentence in app.test_cli_runner().invoke(args=["site", *command]).output
    assert forms.fill_in(olga, "/actions/site/rename?name=Main", new_name="MAIN").status_code == 303
    assert sorted(site.name for site in Site.select()) == ["MAIN", "Yard"]


def test_what_was_left_empty_unseen_stays(olga: FlaskClient, cast: Cast) -> None:
    Site.update(address="Yard 7").execute()
    answer = forms.fill_in(olga, "/actions/site/set", name="Main", currency="CHF")

    assert (answer.status_code, Site.get().currency) == (200, "EUR")
    assert "Nothing was done yet." in answer.text
    assert olga.post("/actions/site/set", data=forms.fields(answer.text)).status_code == 303
    assert (Site.get().currency, Site.get().address) == ("CHF", "Yard 7")


def test_target_that_is_not_there_is_refused(olga: FlaskClient, cast: Cast) -> None:
    answer = forms.fill_in(olga, "/actions/site/rename", name="Nowhere", new_name="Harbour")
    assert (answer.status_code, "There is no site Nowhere." in answer.text) == (422, True)


def test_one_of_two_figures_is_not_overwritten(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 5200)
    path = f"/actions/session/set-energy?number={number}"
    opened = forms.fields(olga.get(path).text)
    assert forms.fill_in(olga, path, kwh="3", reason="main meter").status_code == 303

    answer = olga.post("/actions/session/set-energy", data=opened | {"kwh": "4", "reason": "a guess"}, buffered=True)

    assert (answer.status_code, ChargingSession.get().decided_wh) == (409, 3000)
    assert "Now: 3" in answer.text
    assert olga.get("/actions/session/set-energy?number=many").status_code == 200


def test_a_link_returns_to_the_chargers_figure(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 5200)
    path = f"/actions/session/set-energy?number={number}"
    assert forms.fill_in(olga, path, kwh="3", reason="main meter").status_code == 303

    page = olga.get(f"{path}&kwh=").text

    assert "Return to the charger&#39;s figure</button>" in page
    assert f"{number}, Depot 7, connector 1, ada@example.com" in page
    assert f'type="hidden" name="number" value="{number}"' in page
    assert forms.fill_in(olga, f"{path}&kwh=", reason="a slip").status_code == 303
    assert ChargingSession.get().decided_wh is None


def test_a_session_is_closed_as_it_was_shown(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    administration.set_tariff("Main", per_kwh=Decimal("0.50"), actor=ACTOR, now=now())
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 5000)
    path = f"/actions/session/close?number={number}"
    assert f"Nothing speaks for session {number} being over." in olga.get(path).text
    charging.status("Available")
    page = olga.get(path).text
    assert "The charger reported the connector Available." in page
    assert re.search(r"Session 1, Depot 7, connector 1, ada@example.com: ends at [\d :-]+ UTC, its last reading,", page)
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


@pytest.mark.both_databases
@pytest.mark.parametrize("typed", [{"identity": "depot-9\0"}, {"identity": "depot-9", "address": "8.8.8.8\0"}])
def test_what_no_charger_is_called_is_not_accepted(
    olga: FlaskClient, cast: Cast, ingest: Ingest, typed: dict[str, str]
) -> None:
    knock(ingest, "depot-9", "hash", "8.8.8.8")
    answer = forms.fill_in(olga, "/actions/charger/accept?identity=depot-9", **typed)

    assert (answer.status_code, "has not knocked." in answer.text) == (422, True)
    assert Charger.select().count() == 1


def test_who_charges_is_named_before_a_key_is_replaced(
    olga: FlaskClient, cast: Cast, ingest: Ingest, charging: Charging
) -> None:
    knock(ingest, "depot-7", "hash-a")
    charging.start(cast.ada.id_tag)
    page = olga.get("/actions/charger/accept?identity=depot-7&address=10.0.0.5").text
    assert "Session 1, connector 1, ada@example.com" in page
    assert "Its own key is replaced" in page


def test_no_other_card_is_given_away_than_was_shown(olga: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    """An unknown card's number is another one's once it is not unknown any more."""
    ingest.authorize("04A2B3C4", cast.depot_7.id, now())
    number = UnknownCard.get().id
    page = olga.get(f"/actions/card/add-tapped?number={number}&email=ben@example.com").text
    assert "04A2B3C4" in page
    UnknownCard.update(id_tag="04FFFFFF").execute()

    answer = olga.post("/actions/card/add-tapped", data=forms.fields(page), buffered=True)

    assert (answer.status_code, "04FFFFFF" in answer.text) == (409, True)
    assert not EvCard.select().where(EvCard.id_tag.startswith("04")).exists()
    assert olga.post("/actions/card/add-tapped", data=forms.fields(answer.text), buffered=True).status_code == 303


def test_what_is_emptied_is_nothing(olga: FlaskClient, cast: Cast) -> None:
    Site.update(address="Yard 7").execute()
    path = "/actions/site/set?name=Main"
    assert forms.fill_in(olga, path, address="").status_code == 303
    assert Site.get().address == ""
    assert forms.fill_in(olga, path, currency="").status_code == 422
    assert Site.get().currency == "EUR"


def test_bound_of_an_energy_is_said_before_and_beside_the_field(
    olga: FlaskClient, cast: Cast, charging: Charging
) -> None:
    Charger.update(max_power_w=22_000).execute()
    number = charging.start(cast.ada.id_tag)
    path = f"/actions/session/set-energy?number={number}"
    assert "is still in progress" in olga.get(path).text
    charging.end(number, 5200)
    since = {"started_at": now() - timedelta(hours=1), "start_received_at": now() - timedelta(hours=1)}
    ChargingSession.update(ended_at=now(), end_received_at=now(), **since).execute()
    bound = (
        f"At 22 kW, the connector of session {number} delivers at most 22.00 kWh in its time. Up to 23.73 kWh is taken"
    )
    assert bound in olga.get(path).text
    refused = forms.fill_in(olga, path, kwh="24", reason="main meter")
    assert refused.status_code == 422
    assert re.search(r'id="[\w-]*kwh-error">[^<]*24 kWh is more\.', refused.text)
    assert forms.fill_in(olga, path, kwh="23.7", reason="main meter").status_code == 303
    assert "make sure that it is right" in olga.get("/account").text


def test_form_says_whether_it_adds_a_site(olga: FlaskClient) -> None:
    assert "<h1>Add a site</h1>" in olga.get("/actions/site/set").text
    assert "<h1>Add a site</h1>" in olga.get("/actions/site/set?name=Yard").text
    assert "<h1>Change a site</h1>" in olga.get("/actions/site/set?name=Main").text

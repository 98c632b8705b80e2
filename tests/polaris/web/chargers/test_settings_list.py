"""A charger's settings on its page: searched, some at a time, each with its form, and what waits for a restart."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from polaris.config import Config
from polaris.domain.facts import ChargerBooted
from polaris.ingest.facts import notices
from polaris.models import Command, blocking
from polaris.web.chargers.settings_list import ROWS
from tests.support import cast as cast_
from tests.support import forms
from tests.support.cast import Cast, ChargerInfo, now
from tests.support.charging import Charging

EVIL = "\"'><script>alert(1)</script>"


@blocking
def report(cast: Cast, *keys: Any, charger: ChargerInfo | None = None) -> None:
    """Keep a whole list of settings (OCPP 1.6), as an answer to a command has it."""
    notices.keep((charger or cast.depot_7).id, "GetConfiguration", {"configurationKey": list(keys)}, now(), request="1")


def key(name: str, value: Any = "1", *, readonly: bool = False) -> dict[str, Any]:
    return {"key": name, "value": value, "readonly": readonly}


def settings_of(client: FlaskClient, **parameters: Any) -> str:
    page = unescape(client.get("/fleet/depot-7", query_string=parameters).text)
    return page[page.index('class="settings ') :]


@pytest.mark.both_databases
def test_form_of_each_writable_setting(olga: FlaskClient, cast: Cast) -> None:
    report(
        cast, key("HeartbeatInterval", "300"), key("Connectors", "2", readonly=True), key("WifiPassword", "a-secret")
    )
    shown = settings_of(olga)
    (interval, password) = re.findall(r'href="([^"]*/set-configuration[^"]*)"', shown)
    form = olga.get(interval).text
    assert 'value="HeartbeatInterval"' in form
    assert 'value="300"' in form
    assert "a-secret" not in shown
    assert "WifiPassword" in password
    assert "*" not in password


@pytest.mark.both_databases
def test_search_and_pages(olga: FlaskClient, cast: Cast) -> None:
    report(cast, *(key(f"Limit{number}", EVIL if number == 7 else number) for number in range(5_000)))
    shown = settings_of(olga)
    assert "5000 settings" in shown or "5,000 settings" in shown
    assert shown.count('scope="row"') == ROWS
    assert f"Shown: 1 to {ROWS}." in shown
    assert f"Shown: {ROWS + 1} to {2 * ROWS}." in settings_of(olga, setting_from=ROWS)
    found = settings_of(olga, setting=" LIMIT499  ")
    assert found.count('scope="row"') == 11  # Limit499, Limit4990 to Limit4999
    assert "11 match." in found
    assert "No setting matches." in settings_of(olga, setting=EVIL + "x")
    assert "<script>alert(1)" not in olga.get("/fleet/depot-7", query_string={"setting": EVIL}).text
    for start in ("-1", "x", "99999", EVIL):
        assert settings_of(olga, setting_from=start).count('scope="row"') == ROWS
    again = olga.get(unescape(re.findall(r'data-settings-url="([^"]*)"', settings_of(olga, setting="Limit499"))[0]))
    assert again.text.count('scope="row"') == 11


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        1,
        "x",
        {},
        {"key": None},
        {"key": {"a": 1}},
        {"key": "x", "value": {"a": []}},
        {"key": "\0\ud800", "value": 1},
    ],
)
def test_nonsense_of_a_charger(olga: FlaskClient, cast: Cast, nonsense: Any) -> None:
    report(cast, nonsense, key("Good"))
    assert "Good" in settings_of(olga)


@pytest.mark.both_databases
def test_restart_said_beside_the_setting(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    report(cast, key("Interval"), key("Other"))
    version = re.findall(r'data-version="([^"]*)"', settings_of(olga))
    values = {"charger": cast.depot_7.id, "kind": "set-configuration", "arguments": '{"key":"interval","value":"2"}'}
    values |= {"requested_by": "olga", "requested_at": now(), "deadline_at": now(), "sent_at": now()}
    Command.create(**values, state="accepted", status="RebootRequired", answered_at=now())
    shown = settings_of(olga)
    assert shown.count("Changed; it needs a restart") == 1
    assert re.findall(r'data-version="([^"]*)"', shown) != version
    boot = ChargerBooted(vendor="", model="", serial="", firmware="", charger_id=cast.depot_7.id, received_at=now())
    charging.ingest.store([boot], now())
    restarted = settings_of(olga)
    assert "it needs a restart" not in restarted
    assert re.findall(r'data-version="([^"]*)"', restarted) != re.findall(r'data-version="([^"]*)"', shown)


@pytest.mark.both_databases
def test_accepted_value_said_until_it_is_read(olga: FlaskClient, cast: Cast) -> None:
    report(cast, key("Interval", "300"), key("Other"))
    values = {"charger": cast.depot_7.id, "kind": "set-configuration", "state": "accepted"}
    values |= {"requested_by": "olga", "requested_at": now(), "deadline_at": now(), "sent_at": now()}
    version = re.findall(r'data-version="([^"]*)"', settings_of(olga))
    for name, value in (("interval", "60"), ("INTERVAL", f"90{EVIL}"), ("Strange", "1"), ("Other", "***")):
        Command.create(**values, arguments=json.dumps({"key": name, "value": value}), answered_at=now())
    shown = settings_of(olga)
    assert re.findall(r"Set to (\d+)", shown) == ["90"]
    assert "<script>alert(1)" not in olga.get("/fleet/depot-7").text
    assert re.findall(r'data-version="([^"]*)"', shown) != version
    report(cast, key("Interval", "90"), key("Other"))
    assert "Set to" not in settings_of(olga)


@pytest.mark.both_databases
def test_two_chargers_compared(olga: FlaskClient, cast: Cast, config: Config) -> None:
    depot_8 = cast_.add_charger(config, "depot-8", name="Depot 8")
    path = "/fleet/depot-7/settings/compare"
    assert "Identity of the other charger" in olga.get(path).text
    neither = olga.get(path, query_string={"with": "depot-8"}).text
    assert neither.count("has reported no settings yet, so there is nothing to compare.") == 2
    report(cast, key("Same"), key("Interval", "60"), key("Ours", EVIL), key("WifiPassword", "a-secret"))
    one = re.sub(r"\s+", " ", olga.get(path, query_string={"with": "depot-8"}).text)
    assert "Depot 8 has reported no settings yet" in one
    assert "Depot 7 has reported no settings yet" not in one
    assert "differ" not in one
    report(cast, key("Same"), key("Interval", "30"), key("WifiPassword", "b-secret"), charger=depot_8)
    html = olga.get(path, query_string={"with": " depot-8 "}).text
    assert "2 settings differ. 2 are the same." in re.sub(r"\s+", " ", html)
    assert re.findall(r'<th scope="row">(\w+)', html) == ["Interval", "Ours", "Same", "WifiPassword"]
    (change,) = re.findall(r'href="([^"]*set-configuration[^"]*)"', html)
    assert unescape(change).endswith("?key=Interval&value=30")
    assert "<script>alert(1)" not in html
    assert "-secret" not in html


def test_compared_with_nothing(olga: FlaskClient) -> None:
    answer = olga.get("/fleet/depot-7/settings/compare", query_string={"with": EVIL})
    assert "There is no such charger." in answer.text
    assert "<script>alert(1)" not in answer.text
    assert olga.get("/fleet/nobody/settings/compare?with=depot-7").status_code == 404


def test_comparison_is_for_operators(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get("/fleet/depot-7/settings/compare?with=depot-7").status_code == 404


@pytest.mark.both_databases
def test_compared_with_a_baseline(olga: FlaskClient, cast: Cast, config: Config) -> None:
    depot_8 = cast_.add_charger(config, "depot-8", name="Depot 8")
    form = "/actions/baseline/save?identity=depot-8"
    assert "has reported no settings" in forms.fill_in(olga, form, name="Good").text
    report(cast, key("Same"), key("Interval", "30"), key("WifiPassword", "b-secret"), key(EVIL, EVIL), charger=depot_8)
    name = '<b>"Good"'
    assert forms.fill_in(olga, form, name=name).status_code == 303
    report(cast, key("Same"), key("Interval", "60"), key("WifiPassword", "a-secret"))
    page = olga.get("/fleet/depot-7/settings/compare").text
    (found,) = re.findall(r'href="([^"]*compare\?baseline=[^"]*)"', page)
    html = olga.get(unescape(found)).text
    assert "2 settings differ. 2 are the same." in re.sub(r"\s+", " ", html)
    assert "?key=Interval&value=30" in unescape(html)
    assert "<b>" not in html.partition("<main")[2].replace("<b>Express", "")
    assert "-secret" not in html
    assert "<script>alert(1)" not in html
    (delete,) = re.findall(r'href="([^"]*/baseline/delete[^"]*)"', html)
    assert forms.fill_in(olga, unescape(delete)).status_code == 303
    assert "There is no such baseline." in olga.get(unescape(found)).text


def test_baseline_of_thousands_compared_in_parts(olga: FlaskClient, cast: Cast) -> None:
    report(cast, *(key(f"Limit{number}") for number in range(5_000)))
    forms.fill_in(olga, "/actions/baseline/save?identity=depot-7", name="Good")
    html = olga.get("/fleet/depot-7/settings/compare?baseline=Good").text
    assert "0 settings differ." in re.sub(r"\s+", " ", html)
    assert html.count('scope="row"') == 200
    (following,) = re.findall(r'href="([^"]+)"\s+rel="next"', html)
    assert "baseline=Good" in following
    assert olga.get(unescape(following)).text.count('scope="row"') == 200
    assert len(html) < 200_000


def test_baselines_on_the_command_line(olga: FlaskClient, cast: Cast, config: Config) -> None:
    depot_8 = cast_.add_charger(config, "depot-8", name="Depot 8")
    report(cast, key("Same"), key("Interval", "60"))
    report(cast, key("Same"), key("Interval", "30"), key("\x1b[31mRed", "\x1b[0m"), charger=depot_8)

    def run(*arguments: str) -> str:
        return olga.application.test_cli_runner().invoke(args=list(arguments)).output

    assert run("baseline", "list") == "No baselines are saved.\n"
    assert run("baseline", "save", "depot-7", "Good") == "2 settings of depot-7 are the baseline Good.\n"
    assert "Good" in run("baseline", "list")
    for command in (("baseline", "compare", "Good", "depot-8"), ("charger", "compare", "depot-7", "depot-8")):
        compared = run(*command)
        assert re.search(r"Interval +(60 +30|30 +60)", compared)
        assert "2 differ, 1 are the same." in compared
        assert "\x1b" not in compared
    assert run("baseline", "compare", "Bad", "depot-8") == "Error: There is no baseline Bad.\n"
    assert "has reported no settings" in run("charger", "compare", "depot-7", "nobody")
    assert run("baseline", "delete", "Good") == "The baseline Good was deleted.\n"

"""A charger's settings on its page: searched, some at a time, each with its form, and what waits for a restart."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from polaris.domain.facts import ChargerBooted
from polaris.web.chargers.settings_list import ROWS
from tests.support.cast import Cast, now
from tests.support.charging import Charging
from tests.support.settings import accepted, key, report

EVIL = "\"'><script>alert(1)</script>"


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
    assert shown.count('role="rowheader"') == ROWS
    assert f"Shown: 1 to {ROWS}." in shown
    assert f"Shown: {ROWS + 1} to {2 * ROWS}." in settings_of(olga, setting_from=ROWS)
    found = settings_of(olga, setting=" LIMIT499  ")
    assert found.count('role="rowheader"') == 11  # Limit499, Limit4990 to Limit4999
    assert "11 match." in found
    assert "No setting matches." in settings_of(olga, setting=EVIL + "x")
    assert "<script>alert(1)" not in olga.get("/fleet/depot-7", query_string={"setting": EVIL}).text
    for start in ("-1", "x", "99999", EVIL):
        assert settings_of(olga, setting_from=start).count('role="rowheader"') == ROWS
    again = olga.get(unescape(re.findall(r'data-settings-url="([^"]*)"', settings_of(olga, setting="Limit499"))[0]))
    assert again.text.count('role="rowheader"') == 11


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
    accepted(cast, "interval", "2", status="RebootRequired")
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
    version = re.findall(r'data-version="([^"]*)"', settings_of(olga))
    for name, value in (("interval", "60"), ("INTERVAL", f"90{EVIL}"), ("Strange", "1"), ("Other", "***")):
        accepted(cast, name, value)
    shown = settings_of(olga)
    assert re.findall(r"Set to (\d+)", shown) == ["90"]
    assert "<script>alert(1)" not in olga.get("/fleet/depot-7").text
    assert re.findall(r'data-version="([^"]*)"', shown) != version
    report(cast, key("Interval", "90"), key("Other"))
    assert "Set to" not in settings_of(olga)

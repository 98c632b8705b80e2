"""Settings of two chargers side by side, or beside a baseline: on a page, for operators, and on the command line."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient

from polaris import pubsub
from polaris.config import Config
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, RenderSettings
from polaris.web.comparison.queries import Wanted
from polaris.web.comparison.topic import ComparisonTopic
from tests.support import cast as cast_
from tests.support import forms
from tests.support.cast import Cast, now
from tests.support.settings import accepted, key, report

EVIL = "\"'><script>alert(1)</script>"
STREAM = "/live/chargers/depot-7/comparison"


@pytest.mark.both_databases
def test_two_chargers_compared(olga: FlaskClient, cast: Cast, config: Config) -> None:
    depot_8 = cast_.add_charger(config, "depot-8", name="Depot 8")
    path = "/fleet/depot-7/settings/compare"
    empty = olga.get(path).text
    assert "Identity of the other charger" in empty
    assert re.findall(r'<option value="([^"]*)">', empty) == ["depot-8"]
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
    assert re.findall(r'<th role="rowheader"[^>]*>(\w+)', html) == ["Interval", "Ours", "Same", "WifiPassword"]
    (change,) = re.findall(r'href="([^"]*set-configuration[^"]*)"', html)
    assert "?key=Interval&value=30&" in unescape(change)
    assert "<script>alert(1)" not in html
    assert "-secret" not in html


def test_compared_with_nothing(olga: FlaskClient) -> None:
    answer = olga.get("/fleet/depot-7/settings/compare", query_string={"with": EVIL})
    assert "There is no such charger." in answer.text
    same = olga.get("/fleet/depot-7/settings/compare", query_string={"with": "depot-7"}).text
    assert "That is this charger itself." in same
    assert "nothing to compare" not in same
    assert "<script>alert(1)" not in answer.text
    assert olga.get("/fleet/nobody/settings/compare?with=depot-7").status_code == 404


def test_comparison_is_for_operators(client: FlaskClient, cast: Cast) -> None:
    paths = ("/fleet/depot-7/settings/compare", "/fleet/depot-7/settings/compare/rows", STREAM)
    assert [client.get(path, query_string={"with": "depot-7"}).status_code for path in paths] == [302, 302, 401]
    forms.sign_in(client, cast.ada)
    assert [client.get(path, query_string={"with": "depot-7"}).status_code for path in paths] == [404, 404, 404]


@pytest.mark.both_databases
def test_open_page_follows(olga: FlaskClient, cast: Cast, config: Config) -> None:
    """The version that is pushed is another one after each change of either side, and the rows are of it."""
    depot_8 = cast_.add_charger(config, "depot-8", name="Depot 8")
    asked = {"with": "depot-8"}
    seen: list[str] = []

    def is_shown(*words: str) -> bool:
        pushed = olga.get(STREAM, query_string=asked | {"once": ""}).text
        (version,) = re.findall(r'data-settings-version="([^"]*)"', pushed)
        rows = olga.get("/fleet/depot-7/settings/compare/rows", query_string=asked).text
        seen.append(version)
        assert f'data-version="{version}"' in rows
        assert len(pushed) < 1000  # however many settings there are
        return all(word in rows for word in words)

    assert is_shown("has reported no settings yet")
    report(cast, key("Interval", "60"))
    report(cast, key("Interval", "30"), charger=depot_8)
    assert is_shown("Set as there")
    accepted(cast, "Interval", "30")
    assert is_shown("Set to 30, not read again since")
    assert not is_shown("Set as there")
    report(cast, key("Interval", "30"))
    assert is_shown("is the same.")
    forms.fill_in(olga, "/actions/baseline/save?identity=depot-8", name="Good")
    assert is_shown("baseline=Good")
    forms.fill_in(olga, "/actions/charger/name?identity=depot-8", name="Renamed")
    assert is_shown("Renamed")
    assert len(set(seen)) == 6  # of seven: nothing changed between two


def test_topic_concerns_both_chargers(olga: FlaskClient, cast: Cast, config: Config) -> None:
    depot_8, other = (cast_.add_charger(config, identity) for identity in ("depot-8", "depot-9"))
    topic = ComparisonTopic(Wanted("depot-7", "depot-8", "", 0))
    topic.read(frozenset({WHOLE}), now(), RenderSettings("", timedelta()))
    concern = [topic.changes(PubSubMessage("x", {"charger": each.id})) for each in (cast.depot_7, depot_8, other)]
    assert concern == [WHOLE, WHOLE, None]
    assert topic.changes(PubSubMessage(pubsub.RECORDS_CHANGED, {})) == WHOLE


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
    assert html.count('role="rowheader"') == 200
    (following,) = re.findall(r'href="([^"]+)"\s+rel="next"', html)
    assert "baseline=Good" in following
    assert olga.get(unescape(following)).text.count('role="rowheader"') == 200
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
    for command in (("baseline", "compare", "depot-8", "Good"), ("charger", "compare", "depot-7", "depot-8")):
        compared = run(*command)
        assert re.search(r"Interval +(60 +30|30 +60)", compared)
        assert "2 differ, 1 are the same." in compared
        assert "\x1b" not in compared
    assert run("baseline", "compare", "depot-8", "Bad") == "Error: There is no baseline Bad.\n"
    assert "has reported no settings" in run("charger", "compare", "depot-7", "nobody")
    assert run("baseline", "delete", "Good", "--yes").endswith("\nThe baseline Good was deleted.\n")

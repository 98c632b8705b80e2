"""`site list`, `tariff list` and `tariff preview`: the figures and the words of the pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from polaris.models import Tariff
from tests.support.cast import Cast
from tests.support.charging import Charging

Run = Callable[..., Result]
pytestmark = pytest.mark.both_databases


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments: app.test_cli_runner().invoke(args=list(arguments))


def words(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_sites(run: Run, charging: Charging) -> None:
    run("site", "set", "Yard", "--currency", "CHF")
    said = words(run("site", "list"))
    assert "Main UTC EUR 1 1 0 €0.48 per kWh, incl. 20 % tax Yard UTC CHF 0 0 0 no prices" in said


def test_versions(run: Run, cast: Cast) -> None:
    run("tariff", "set", "--per-kwh", "0.50", "--tax", "19")
    said = words(run("tariff", "list"))
    assert "in force €0.595 per kWh, incl. 19 % tax €0.50 per kWh, plus 19 % tax Main" in said
    assert words(run("tariff", "list", "Main")) == said
    run("site", "set", "Yard")
    assert "No prices yet." in words(run("tariff", "list", "Yard"))
    assert "There is no site Nowhere." in run("tariff", "list", "Nowhere").output


def test_preview(run: Run, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 11_000)
    said = words(run("tariff", "preview", "--per-kwh", "0.50", "--tax", "0"))
    assert "At Main: €0.50 per kWh, instead of €0.48 per kWh, incl. 20 % tax." in said
    assert "10.00 0 s €4.80 €5.00 +€0.20 sum of 1 €4.80 €5.00 +€0.20" in said
    assert Tariff.select().count() == 1


def test_windows(run: Run, cast: Cast) -> None:
    asked = (
        "--per-kwh",
        "0.50",
        "--tax",
        "0",
        "--idle-per-minute",
        "0.10",
        "--idle-grace-min",
        "15",
        "Mon-Fri 07:00-20:00 0.6 per kWh",
    )
    words_of_it = (
        "Mon–Fri 07:00–20:00: €0.60 per kWh; at all other times: €0.50 per kWh; from 15 min after charging on €0.10"
    )
    assert words_of_it in words(run("tariff", "preview", *asked))
    assert words_of_it in words(run("tariff", "set", *asked))
    assert run("tariff", "set", *asked).output == "That is so already.\n"
    assert words_of_it in words(run("tariff", "list"))


def test_what_is_left_out_stays(run: Run, cast: Cast) -> None:
    """A price is changed alone; what is to go is said."""
    run("tariff", "set", "--per-session", "0.35", "--idle-per-minute", "0.10", "daily 00:00-06:00 0.2 per kWh")
    said = words(run("tariff", "set", "--per-kwh", "0.50", "--per-minute", "0.02"))
    assert "at all other times: €0.60 per kWh + €0.024 per minute; €0.42 per session; after charging €0.12" in said
    assert "daily 00:00–06:00: €0.24 per kWh" in words(run("tariff", "preview", "--per-session", "0"))
    said = words(run("tariff", "set", "--per-session", "0", "--idle-per-minute", "0", "none"))
    assert "From now on at Main: €0.60 per kWh + €0.024 per minute, incl. 20 % tax. Before:" in said
    assert Tariff.select().count() == 4


def test_prices_in_another_currency_do_not_stay(run: Run, cast: Cast) -> None:
    run("tariff", "set", "--per-session", "0.35")
    run("site", "set", "Main", "--currency", "CHF")
    assert run("tariff", "set", "--per-session", "0.50").exit_code == 1
    assert "From now on at Main: CHF0.60 per kWh. Before:" in words(run("tariff", "set", "--per-kwh", "0.60"))


def test_preview_without_sessions(run: Run, cast: Cast) -> None:
    assert "No session of this site has ended yet" in words(run("tariff", "preview", "--per-kwh", "0.50"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--per-kwh", "-1"), "Price of a kWh: -1 is not a number from 0 to 100000"),
        (("--per-kwh", "1", "--site", "Nowhere"), "There is no site Nowhere."),
    ],
)
def test_preview_refused(run: Run, cast: Cast, arguments: tuple[str, ...], sentence: str) -> None:
    result = run("tariff", "preview", *arguments)
    assert (result.exit_code, sentence in result.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("site", "delete", "nosuch"), "There is no site nosuch. It may have been deleted already."),
        (("charger", "accept", "nobody"), "nobody has not knocked."),
        (("account", "erase", "nobody@example.com"), "There is no account nobody@example.com."),
    ],
)
def test_nothing_is_asked_about_what_is_not_there(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.output) == (1, f"Error: {sentence}\n")


def test_prices_by_time_of_day_keep_to_the_zone_that_they_were_set_in(run: Run, olga: FlaskClient) -> None:
    run("site", "set", "Main", "--time-zone", "Europe/Berlin")
    run("tariff", "set", "--per-kwh", "0.50", "Mon-Fri 07:00-20:00 0.6 per kWh")
    said = words(run("site", "set", "Main", "--time-zone", "America/New_York"))
    assert said.endswith("Its prices by time of day keep to Europe/Berlin until they are set again.")
    pages = [olga.get(path).text for path in ("/tariffs", "/sites", "/sites/1", "/tariffs/new?site=Main")]
    for text in (words(run("tariff", "list")), words(run("site", "list")), *pages):
        assert "incl. 20 % tax; times of day in Europe/Berlin" in text
        assert "times of day in America" not in text
        assert "those of the site" not in text
    asked = run("tariff", "set", "--per-kwh", "0.50")
    assert (asked.exit_code, "by the clock of Europe/Berlin. From now on they are by that" in asked.output) == (1, True)
    assert "times of day in America/New_York. Before:" in words(run("tariff", "set", "--per-kwh", "0.50", "--yes"))
    assert run("tariff", "set", "--per-kwh", "0.51").exit_code == 0
    assert "keep to" not in words(run("site", "set", "Main", "--time-zone", "America/New_York"))

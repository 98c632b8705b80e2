"""The words and figures of the pages, in two languages' number formats."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from flask import Flask, render_template_string
from flask_babel import Babel, force_locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ocpp.v16.enums import Reason
from ocpp.v21.enums import ReasonEnumType as Reasons21
from ocpp.v21.enums import TriggerReasonEnumType as Triggers21
from ocpp.v201.enums import ReasonEnumType as Reasons201
from ocpp.v201.enums import TriggerReasonEnumType as Triggers201

from polaris.domain.stop_request import StoppedBy
from polaris.domain.tariff import Money
from polaris.rendering import filters


@pytest.fixture(autouse=True)
def app():
    app = Flask(__name__)
    Babel(app)
    filters.register(app)
    with app.app_context():
        yield app


def test_energy_and_power_decimals():
    assert (filters.kwh(12_344), filters.kwh(0), filters.kwh(1_234_567)) == ("12.34", "0.00", "1,234.57")
    assert (filters.kw(21_940), filters.kw(0)) == ("21.9", "0.0")


@pytest.mark.parametrize("language", ["en", "de", "sv"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**8))
def test_rounded_once(language: str, thousandths: int):
    with force_locale(language):
        exact = Decimal(thousandths) / 1000
        assert filters.kwh(thousandths) == format_decimal(exact, "#,##0.00", locale=language)
        assert filters.kw(thousandths) == format_decimal(exact, "#,##0.0", locale=language)


def test_negative_power_sign():
    assert (filters.kw(-7_250), filters.kw(-150), filters.kw(-30)) == ("-7.2", "-0.2", "0.0")


def test_missing_value_is_dash():
    assert {filters.kwh(None), filters.kw(None), filters.money(None)} == {"–"}


def test_locale_numbers_and_money():
    with force_locale("de"):
        assert filters.kwh(12_344) == "12,34"
        assert filters.money(Money(Decimal("5.5"), "EUR")) == "5,50\xa0€"
    assert filters.money(Money(Decimal("5.5"), "EUR")) == "€5.50"
    assert filters.money(Money(Decimal("1230"), "JPY")) == "¥1,230"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (59 * 60 + 59, "59 min"),
        (3600, "1 h"),
        (5040, "1 h 24 min"),
        (90_000, "25 h"),
    ],
)
def test_duration(seconds, words):
    assert filters.duration(seconds) == words
    assert filters.ago(seconds) == f"{words} ago"


@pytest.mark.parametrize(("seconds", "words"), [(-1, "0:00"), (5, "0:05"), (245, "4:05"), (5045, "1:24:05")])
def test_clock(seconds, words):
    assert filters.clock(seconds) == words


def test_instant_in_utc():
    at = datetime(2026, 11, 23, 7, 30, 5, tzinfo=timezone(timedelta(hours=2)))
    assert filters.instant(at) == (
        '<time datetime="2026-11-23T05:30:05Z" data-format="datetime">23 Nov 2026, 05:30 UTC</time>'
    )
    assert filters.instant(at.astimezone(UTC), "time") == (
        '<time datetime="2026-11-23T05:30:05Z" data-format="time">05:30:05 UTC</time>'
    )


@pytest.mark.field(132)
@pytest.mark.parametrize("reason", [*Reason, *Reasons201, *Reasons21, *Triggers201, *Triggers21])
def test_every_reason_in_words(reason):
    words = filters.stop_reason(str(reason))
    assert words.islower()
    assert " " in words


@pytest.mark.field(132)
@pytest.mark.parametrize("reason", ["EV_DISCONNECTED", "Ev Disconnected", "ev-disconnected ", "evDisconnected"])
def test_reason_in_any_spelling(reason):
    assert filters.stop_reason(reason) == "the cable was unplugged"


@pytest.mark.field(132)
@pytest.mark.parametrize("by", StoppedBy)
def test_stop_asked_for_here_in_words(by):
    assert filters.stopped_by(by).startswith("stopped ")


def test_unknown_stop_reason_escaped():
    assert filters.stop_reason("EVDisconnected") == "the cable was unplugged"
    shown = render_template_string("{{ reason|stop_reason }}", reason="<b>Vendor</b>")
    assert shown == "&lt;b&gt;Vendor&lt;/b&gt;"


def test_counts_stop_at_bound():
    assert [filters.counted(rows) for rows in (0, 9_999, 10_000, 10_001)] == ["0", "9,999", "10,000", "10,000+"]


def test_times_of_a_sentence():
    sentence = "<b> expires at 2026-12-06 19:34 UTC, read at 2026-12-01 08:00:05 UTC. 2026-13-40 99:00 UTC is none."
    text = filters.with_times(sentence)
    assert '<time datetime="2026-12-06T19:34:00Z" data-format="datetime">' in text
    assert '<time datetime="2026-12-01T08:00:05Z" data-format="second">' in text
    assert "&lt;b&gt; expires at " in text
    assert text.endswith(" 2026-13-40 99:00 UTC is none.")
    assert text.count("<time") == 2

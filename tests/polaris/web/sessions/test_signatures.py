"""What a session's page says of the values that the meter has signed."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.domain import ocmf
from polaris.services import NAME
from polaris.web.sessions.signatures import MAX_ROWS, signatures
from polaris.web.sessions.topic import SessionTopic, WhyTopic
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.ocmf_vectors import EBZ, KEBA, KEBA_FORGED, LEM, SECP192K1
from tests.support.pages import Open, direct

NO_KEY = "Nobody has entered this meter's key: it cannot be checked."


@pytest.fixture
def number(charging: Charging, cast: Cast) -> int:
    return charging.start(cast.ada.id_tag)


@pytest.fixture
def ada(client: FlaskClient, cast: Cast) -> FlaskClient:
    forms.sign_in(client, cast.ada)
    return client


def enter(app: Flask, cast: Cast, *keys: str) -> None:
    administration.set_meter_keys(app.extensions[NAME].publisher, cast.depot_7.identity, keys, actor=ACTOR, now=now())


def section(client: FlaskClient, number: int) -> str:
    html = client.get(f"/sessions/{number}").text
    found = re.search(rf'<section id="session-{number}-signatures".*?</section>', html, re.DOTALL)
    assert found is not None  # hidden, if there is nothing in it
    return re.sub(r"\s+", " ", re.sub(r"<(?!/?strong)[^>]+>", " ", found[0])).replace("&#39;", "'").strip()


@pytest.mark.both_databases
@pytest.mark.field(32)
def test_each_verdict(app: Flask, ada: FlaskClient, cast: Cast, charging: Charging, number: int) -> None:
    for register_wh, signed in enumerate((KEBA.signed, KEBA_FORGED, SECP192K1, "AP;0;3;ALCV3ABB"), start=2000):
        charging.meter(number, register_wh, signed_data=signed)
    assert section(ada, number) == ""  # while it runs
    charging.end(number, 2100)

    shown = section(ada, number)
    assert shown.count(NO_KEY) == 2
    assert "0.2596 – 0.2597" in shown
    assert "It is signed with ECDSA-secp192k1-SHA256, which cannot be checked here." in shown
    assert "This signed value is not in the format OCMF: it cannot be checked." in shown

    enter(app, cast, KEBA.key)
    shown = section(ada, number)
    assert NO_KEY not in shown
    assert shown.count("The signature fits this meter's key.") == 1
    assert shown.count("<strong>The signature does not fit.</strong>") == 1
    assert shown.index("which cannot be checked") < shown.index("does not fit") < shown.index("fits this")


@pytest.mark.parametrize("open_", [direct], indirect=True)
@pytest.mark.parametrize("topic", [SessionTopic, WhyTopic])
def test_open_page_follows(
    app: Flask, open_: Open, cast: Cast, charging: Charging, number: int, topic: type[SessionTopic | WhyTopic]
) -> None:
    page, of = open_(topic(number, cast.depot_7.id), cast.ada), "-why" if topic is WhyTopic else "-signatures"
    charging.meter(number, 2000, signed_data=KEBA.signed)
    charging.end(number, 2100)
    assert page.shows("Nobody has entered this meter", in_=of)
    enter(app, cast, KEBA.key)
    assert page.shows("The signature fits this meter", in_=of)


def test_several_values_of_one_instant(
    app: Flask, ada: FlaskClient, cast: Cast, charging: Charging, number: int
) -> None:
    charging.meter(number, 2000, signed_data=f"{EBZ.signed.encode().hex()}\n{LEM.signed}\n{LEM.signed}")
    charging.end(number, 2100)
    enter(app, cast, EBZ.key, LEM.key)
    shown = section(ada, number)
    assert shown.count("The signature fits this meter's key.") == 2
    assert "2,851.485 – 2,851.753" in shown
    assert "57.584 – 58.685" in shown


def test_session_without_signed_values(ada: FlaskClient, charging: Charging, number: int) -> None:
    charging.meter(number, 2000)
    charging.end(number, 2100)
    assert section(ada, number) == ""


def test_hostile_values_escaped_and_bounded(app: Flask, charging: Charging, number: int) -> None:
    for values in range(15):
        signed = "\n".join(f'OCMF|{{"PG":"T{values}-{value}"}}|{{"SA":"<b>"}}' for value in range(20))
        charging.meter(number, 2000 + values, signed_data=signed)
    tiny = 'OCMF|{"RD":[{"RV":1e-1000000,"RU":"kWh"},{"RV":"9e11","RU":"kWh"}]}|{}'
    charging.meter(number, 2099, signed_data=tiny)
    charging.meter(number, 2100, signed_data="x" * (ocmf.MAX_LENGTH + 1))
    with app.test_request_context():
        found = signatures([number])[number]
    assert len(found) == MAX_ROWS
    assert found[1].kwh == "0.00 – 900,000,000,000.00"
    assert found[0].text == "This signed value is not in the format OCMF: it cannot be checked."


@pytest.mark.both_databases
def test_newest_of_each_session(app: Flask, charging: Charging, cast: Cast) -> None:
    numbers = []
    for values in (2, MAX_ROWS + 3, 0):
        numbers.append(charging.start(cast.ada.id_tag))
        for value in range(values):
            charging.meter(numbers[-1], 2000 + value, signed_data=f'OCMF|{{"PG":"{value}"}}|{{"SA":"a"}}')
        charging.end(numbers[-1], 2000 + values)
    with app.test_request_context():
        found = signatures(numbers)
    assert {number: len(values) for number, values in found.items()} == {numbers[0]: 2, numbers[1]: MAX_ROWS}
    assert all(values[0].at > values[-1].at for values in found.values())


def test_algorithm_escaped(ada: FlaskClient, charging: Charging, number: int) -> None:
    charging.meter(number, 2000, signed_data='OCMF|{}|{"SA":"<img src=x onerror=alert(1)>"}')
    charging.end(number, 2100)
    html = ada.get(f"/sessions/{number}").text
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;, which cannot be checked here" in html

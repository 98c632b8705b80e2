"""What a session's page says of where its figures come from is enough to recompute them, whatever was told."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.config import Config
from polaris.models import ChargingSession
from polaris.services import NAME
from tests.chaos.conftest import Asked
from tests.support import cast as cast_
from tests.support import explained, forms
from tests.support.cast import ACTOR, now
from tests.support.explainable import Telling, tell_together
from tests.support.true_sessions import told_session

SESSIONS = 1000
CHARGERS = 50  # which tell a session each at a time, so that their facts are stored in batches


@pytest.mark.field(15, 16, 17, 29, 31, 33, 35, 106, 107)
def test_page_recomputes(app: Flask, config: Config, asked: Asked, report: Callable[[str], None]) -> None:
    people = cast_.everybody(config)
    prices = {"per_kwh": Decimal("0.39"), "per_minute": Decimal("0.01"), "per_session": Decimal("0.35")}
    since = now() - timedelta(hours=20)
    windows = [f"daily {hour:02}:00-{hour + 1:02}:00 0.49 per kWh, 0.02 per minute" for hour in range(0, 24, 2)]
    administration.set_tariff("Main", **prices, windows=windows, tax_percent=Decimal("19"), actor=ACTOR, now=since)
    client = app.test_client()
    forms.sign_in(client, people.ada)
    chargers = [cast_.add_charger(config, f"why-{index}").id for index in range(CHARGERS)]
    tellings = [Telling(app.extensions[NAME].ingest, charger, people.ada.id_tag) for charger in chargers]
    differ = []
    for first in range(0, SESSIONS, CHARGERS):
        numbers = range(first, first + CHARGERS)
        sessions = [told_session(random.Random(f"{asked.seed} why {number}")) for number in numbers]
        told = tell_together(list(zip(tellings, sessions, strict=True)))
        for number, session in zip(told, sessions, strict=True):
            differ += _differences(client, number, session.kinds)
    report(f"why: {SESSIONS} sessions explained, {len(differ)} differ")
    assert not differ, "\n".join(differ[:10])


def _differences(client: FlaskClient, number: int, kinds: tuple[str, ...]) -> list[str]:
    page = client.get(f"/sessions/{number}/why").text
    energy_wh = ChargingSession.get_by_id(number).effective_wh
    figures = [
        (energy_wh, explained.shown_wh(page), explained.recomputed_wh(page)),
        (explained.shown_cost(page), explained.recomputed_cost(page)),
    ]
    return [f"{kinds}: {same}" for same in figures if len(set(same)) > 1]

"""The list of cards as a file."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from polaris import administration
from tests.support import plans
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.csv_files import exported


@pytest.mark.both_databases
def test_has_what_is_filtered(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    until = now() + timedelta(days=1)
    administration.add_card(cast.ben.email, "04A3", expires_at=until, actor=ACTOR, now=now())
    administration.add_card(cast.ben.email, "1234", type_="KeyCode", actor=ACTOR, now=now())
    administration.block_card("1234", type_="KeyCode", actor=ACTOR, now=now())
    (ada,) = exported(olga, "/cards.csv", email=cast.ada.email)
    assert (ada["card"], ada["state"], ada["last session"]) == (cast.ada.id_tag, "active", str(number))
    (later,) = exported(olga, "/cards.csv", card="04a")
    assert later["expires (UTC)"] == f"{until:%Y-%m-%d %H:%M:%S}"
    (blocked,) = exported(olga, "/cards.csv", state="blocked")
    assert (blocked["card"], blocked["type"], blocked["email"]) == ("1234", "KeyCode", cast.ben.email)
    assert "/cards.csv?state=blocked" in olga.get("/cards?state=blocked").text


def test_of_many_batches(olga: FlaskClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polaris.web.csv_export.BATCH_ROWS", 2)
    for number in range(5):
        administration.add_card(cast.ben.email, f"=SUM({number})", actor=ACTOR, now=now())
    cards = [row["card"] for row in exported(olga, "/cards.csv", card="=")]
    assert cards == [f"'=SUM({number})" for number in range(4, -1, -1)]


@pytest.mark.both_databases
@pytest.mark.parametrize("query", [{}, {"card": "a"}, {"state": "active", "card": "b"}, {"email": "ben@example.com"}])
def test_reads_no_whole_table(olga: FlaskClient, cast: Cast, charging: Charging, query: dict[str, str]) -> None:
    charging.start(cast.ada.id_tag)
    with plans.executed() as statements:
        exported(olga, "/cards.csv", **query)
    assert statements
    assert plans.full_scans(statements) == []

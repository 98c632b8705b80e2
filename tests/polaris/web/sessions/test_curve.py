"""The readings of a curve, one by one: the driver's own and operators'."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases


def test_each_reading_has_its_place_and_its_words(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    forms.sign_in(client, cast.ada)
    assert client.get(f"/sessions/{number}/curve").json == {"points": []}
    charging.meter(number, 1500, power_w=7300)
    charging.meter(number, 2000, power_w=7300, soc_percent=57)
    answer = client.get(f"/sessions/{number}/curve").json
    assert answer is not None
    points = answer["points"]
    assert [words for _, _, words in points] == [
        "{time}: 0.50 kWh, 7.3 kW",
        "{time}: 1.00 kWh, 7.3 kW, 57 %",
    ]
    assert all(0 <= place <= 1 and at.endswith("+00:00") for place, at, _ in points)


@pytest.mark.parametrize("path", ["4711", "x", "0"])
def test_session_that_is_not_there(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get(f"/sessions/{path}/curve").status_code == 404


def test_curve_of_another(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    assert client.get(f"/sessions/{number}/curve").location.startswith("/sign-in")
    forms.sign_in(client, cast.ben)
    assert client.get(f"/sessions/{number}/curve").status_code == 404
    client.delete_cookie("polaris")
    forms.sign_in(client, cast.olga)
    assert client.get(f"/sessions/{number}/curve").status_code == 200

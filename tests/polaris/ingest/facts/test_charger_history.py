"""A charger's history as it is stored: connections that have ended, and since when it is which device."""

from __future__ import annotations

from datetime import timedelta

import pytest

from polaris import models
from polaris.domain.facts import ChargerBooted, ChargerClockSampled, ChargerConnected, ChargerDisconnected
from polaris.ingest.facts.charger_history import MAX_FIRMWARES
from polaris.models import Charger, ChargerConnection, ChargerFirmware, ClockSample
from polaris.models.charger_connection import MAX_KEPT
from tests.support.ingest_cast import Cast, at

pytestmark = pytest.mark.both_databases


def connected(cast: Cast, seconds: float, connection_id: str, bridge_id: str = "bridge-1") -> ChargerConnected:
    return ChargerConnected(
        charger_id=cast.charger,
        received_at=at(seconds),
        bridge_id=bridge_id,
        connection_id=connection_id,
        protocol="ocpp1.6",
    )


def gone(cast: Cast, seconds: float, connection_id: str, answers_pings: bool | None = None) -> ChargerDisconnected:
    return ChargerDisconnected(
        charger_id=cast.charger, received_at=at(seconds), connection_id=connection_id, answers_pings=answers_pings
    )


def booted(cast: Cast, seconds: float, firmware: str, serial: str = "1") -> ChargerBooted:
    return ChargerBooted(
        charger_id=cast.charger, received_at=at(seconds), vendor="V", model="M", serial=serial, firmware=firmware
    )


def ended() -> list[tuple[float, float, str]]:
    """The connections that have ended: from when to when, in seconds, and by whom."""
    with models.database.connection_context():
        rows = list(ChargerConnection.select().order_by(ChargerConnection.connected_at))
    return [
        (*((moment - at(0)).total_seconds() for moment in (row.connected_at, row.ended_at)), row.ended_by)
        for row in rows
    ]


def firmwares() -> list[tuple[float, str, str]]:
    with models.database.connection_context():
        rows = list(ChargerFirmware.select().order_by(ChargerFirmware.since_at))
    return [((row.since_at - at(0)).total_seconds(), row.firmware, row.serial) for row in rows]


@pytest.mark.parametrize(("answers_pings", "by"), [(None, "charger"), (True, "charger"), (False, "pings")])
def test_end_stored_once(cast: Cast, answers_pings: bool | None, by: str) -> None:
    for _ in range(2):
        cast.store(gone(cast, 60, "c-1", answers_pings))
    assert ended() == [(0, 60, by)]


def test_end_of_replaced_connection_is_none(cast: Cast) -> None:
    cast.store(connected(cast, 90, "c-2"))
    cast.store(gone(cast, 95, "c-1"))
    assert ended() == [(0, 0, "charger")]  # it was not in contact after it had connected
    cast.store(gone(cast, 200, "c-2"))
    assert ended() == [(0, 0, "charger"), (90, 200, "charger")]


def test_connection_of_killed_bridge_ends_with_last_contact(cast: Cast) -> None:
    cast.ingest.touch([cast.charger], at(50))
    cast.ingest.renew_lease("bridge-2", at(90))
    cast.store(connected(cast, 90, "c-2", "bridge-2"))
    assert ended() == [(0, 50, "polaris")]


def test_connection_told_again_ends_nothing(cast: Cast) -> None:
    cast.store(connected(cast, 0, "c-1"))
    assert ended() == []


def test_bridge_that_ends(cast: Cast) -> None:
    cast.ingest.end_lease("bridge-1", at(30))
    cast.ingest.renew_lease("bridge-2", at(40))
    cast.store(connected(cast, 40, "c-2", "bridge-2"))
    assert ended() == [(0, 30, "polaris")]


def test_connections_bounded(cast: Cast) -> None:
    cast.store(gone(cast, 1, "c-1"))
    for number in range(MAX_KEPT + 5):
        cast.store(connected(cast, 10 * number + 10, f"n-{number}"))
        cast.store(gone(cast, 10 * number + 15, f"n-{number}"))
    kept = ended()
    assert (len(kept), kept[0], kept[-1]) == (MAX_KEPT, (60, 65, "charger"), (2610, 2615, "charger"))


def test_firmware_stored_when_it_changes(cast: Cast) -> None:
    for seconds, firmware in ((1, "5.28"), (2, "5.28"), (3, "5.29"), (4, "5.28")):
        cast.store(booted(cast, seconds, firmware))
    cast.store(booted(cast, 5, "5.28", serial="2"))
    assert firmwares() == [(1, "5.28", "1"), (3, "5.29", "1"), (4, "5.28", "1"), (5, "5.28", "2")]


def test_firmwares_bounded(cast: Cast) -> None:
    for number in range(MAX_FIRMWARES + 3):
        cast.store(booted(cast, number, f"{number}\0" + "x" * 999))
    kept = firmwares()
    assert (len(kept), kept[0][0]) == (MAX_FIRMWARES, 3)
    with models.database.connection_context():
        assert Charger.get_by_id(cast.charger).firmware == kept[-1][1]


def test_clock_has_one_row_a_day(cast: Cast) -> None:
    for seconds, ahead_s in ((0, 1.5), (600, 9), (1200, -3), (1800, 2), (86_400, 4)):
        ahead = timedelta(seconds=ahead_s)
        cast.store(ChargerClockSampled(charger_id=cast.charger, received_at=at(seconds), ahead=ahead))
    with models.database.connection_context():
        rows = list(ClockSample.select().order_by(ClockSample.day))
    assert [(row.ahead_ms, row.lowest_ms, row.highest_ms) for row in rows] == [(2000, -3000, 9000), (4000, 4000, 4000)]
    assert rows[0].at == at(1800)

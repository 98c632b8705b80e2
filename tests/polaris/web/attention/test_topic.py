"""The list and its count as they are pushed: read once for all, soon after a change, and by time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from flask import Flask

from polaris import attention, models
from polaris.attention import Reader
from polaris.domain.enums import Alarm, Role
from polaris.domain.facts import ChargerNotified, ConnectorStatusChanged
from polaris.ingest import Ingest, RefusedHandshake
from polaris.models import Acknowledgement
from polaris.pubsub import CHARGER_CHANGED, COMMAND_CHANGED, RECORDS_CHANGED, SESSION_CHANGED, Publisher, PubSubMessage
from polaris.push.hub import Hub
from polaris.push.topic import Topic
from polaris.services import NAME
from polaris.web.attention import topic
from polaris.web.attention.topic import AttentionCountTopic, AttentionTopic
from tests.support.cast import Cast, now
from tests.support.charging import Charging
from tests.support.pages import StreamClient, direct
from tests.support.wait import WITHIN_S

Watch = Callable[[type[AttentionTopic]], StreamClient]


@pytest.fixture(autouse=True)
def by_messages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no reading be due by the clock."""
    monkeypatch.setattr(topic, "INTERVAL", timedelta(hours=1))


@pytest.fixture
def reader(app: Flask) -> Reader:
    found: Reader = app.extensions[NAME].attention
    return found


@pytest.fixture
def watch(hub: Hub, reader: Reader, cast: Cast) -> Iterator[Watch]:
    """Watch the list or its count as Olga."""
    with ExitStack() as opened:

        def open_page(of: type[AttentionTopic]) -> StreamClient:
            page: Topic = of(reader)
            return opened.enter_context(closing(StreamClient(hub, page, cast.olga, direct, role=Role.OPERATOR)))

        yield open_page


def fault(charging: Charging, status: str = "Faulted") -> None:
    code = "GroundFailure" if status == "Faulted" else "NoError"
    values: dict[str, Any] = {"connector": 1, "status": status, "error_code": code, "info": "", "at": now()}
    charging._store(ConnectorStatusChanged(**values, **charging._base()))


def counts(page: StreamClient, text: str, timeout_s: float = WITHIN_S) -> bool:
    return page.shows(f"{text}</span>", in_="attention-count", timeout_s=timeout_s)


@pytest.mark.both_databases
def test_fault_appears_and_goes(watch: Watch, charging: Charging) -> None:
    page, count = watch(AttentionTopic), watch(AttentionCountTopic)
    assert page.shows("Nothing needs you.", in_="summary")
    assert counts(count, "hidden>0")
    fault(charging)
    assert page.shows("GroundFailure", in_="attention-fault")
    assert counts(count, ">1")
    fault(charging, "Available")
    assert page.shows("Nothing needs you.", in_="summary")
    assert counts(count, "hidden>0")


def test_stranger_unknown_card_and_alarm_appear(watch: Watch, ingest: Ingest, cast: Cast, charging: Charging) -> None:
    count = watch(AttentionCountTopic)
    assert counts(count, "hidden>0")
    ingest.note_refused_handshakes([RefusedHandshake("depot-9", "", "", "", 0, now(), now())], now())
    assert counts(count, ">1")
    ingest.authorize("04A2B3C4", cast.depot_7.id, now())
    assert counts(count, ">2")
    charging._store(ChargerNotified(topic=Alarm.TWO_CONNECTIONS, raw={}, **charging._base()))
    assert counts(count, ">3")


def test_acknowledged_is_pushed(watch: Watch, charging: Charging, publisher: Publisher) -> None:
    fault(charging)
    page, count = watch(AttentionTopic), watch(AttentionCountTopic)
    assert counts(count, ">1")
    about: dict[str, Any] = {"actor": "otto@example.com", "now": now()}
    attention.acknowledge(publisher, "fault:depot-7/1", note="known", **about)
    assert counts(count, "hidden>0")
    assert page.shows("otto@example.com", in_="acknowledged")
    attention.take_up(publisher, "fault:depot-7/1", **about)
    assert counts(count, ">1")


def test_snoozed_comes_back_by_itself(watch: Watch, charging: Charging, publisher: Publisher) -> None:
    fault(charging)
    attention.acknowledge(publisher, "fault:depot-7/1", until="1h", actor="olga@example.com", now=now())
    with models.database.connection_context():
        Acknowledgement.update(until_at=now() + timedelta(seconds=2)).execute()
    count = watch(AttentionCountTopic)
    assert counts(count, "hidden>0")
    assert counts(count, ">1")


def test_only_what_changed_is_pushed(watch: Watch, charging: Charging) -> None:
    page = watch(AttentionTopic)
    assert page.shows("Nothing needs you.", in_="summary")
    before = len(page.everything)
    fault(charging)
    assert page.shows("GroundFailure", in_="attention-fault")
    pushed = page.everything[before:]
    assert len(pushed) == 2, "the summary and one kind"


def test_messages_of_no_concern(reader: Reader) -> None:
    of_list = AttentionTopic(reader)
    kinds = (CHARGER_CHANGED, RECORDS_CHANGED, COMMAND_CHANGED, SESSION_CHANGED)
    assert [kind for kind in kinds if of_list.changes(PubSubMessage(kind, {}))] == [CHARGER_CHANGED, RECORDS_CHANGED]


def test_read_once_for_all(reader: Reader, charging: Charging) -> None:
    first = reader.latest()
    assert first.is_new
    second = reader.latest()
    assert not second.is_new
    assert second.attention is first.attention
    fault(charging)
    began = monotonic()
    while not (again := reader.latest()).is_new:
        assert monotonic() - began < WITHIN_S
    assert again.attention.count == 1
    assert reader.fresh().count == 1


def test_thousand_knocks_cause_few_readings(
    watch: Watch, reader: Reader, ingest: Ingest, charging: Charging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger who knocks all the time has the list read once a second at most."""
    count = watch(AttentionCountTopic)
    assert counts(count, "hidden>0")
    began = monotonic()
    seen = set()
    for number in range(200):
        ingest.note_refused_handshakes([RefusedHandshake(f"x-{number}", "", "", "", 0, now(), now())], now())
        seen.add(id(reader._attention))
    assert len(seen) <= 2 + (monotonic() - began)
    assert counts(count, ">100")  # as many as an address may have

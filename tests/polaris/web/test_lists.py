"""The topic of operators' lists: what it watches, how often it reads, and what it pushes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from polaris import pubsub
from polaris.models import Account, bounded_count
from polaris.push.topic import WHOLE, RenderSettings
from polaris.web.lists import ListTopic
from tests.support.cast import Cast

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class OneLine(ListTopic):
    template = "errors/error.html"
    root_id = "line"

    def page(self, now: datetime) -> object:
        return now


def test_any_record_has_the_page_read_again() -> None:
    topic = OneLine("filter")
    (notification,) = pubsub.records_changed()
    assert topic.channels == (notification.channel,)
    assert topic.changes(pubsub.decode(notification.message)) == WHOLE
    assert topic.read(frozenset({WHOLE}), NOW, RenderSettings("", timedelta())).value == NOW
    assert topic.pace_s == 1.0


@pytest.mark.both_databases
def test_count_is_bounded(app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bounded_count(Account.select()) == 3
    monkeypatch.setattr("polaris.models.counting.MAX_COUNTED", 1)
    assert bounded_count(Account.select()) == 2

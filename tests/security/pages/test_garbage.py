"""Garbage on the web's Redis channels: open pages go on, and the log stays short."""

from __future__ import annotations

import logging
from contextlib import closing

import pytest
import redis

from polaris import pubsub
from polaris.bounded_log import MAX_LINES
from polaris.config import Config
from polaris.pubsub import PubSubMessage
from polaris.push.hub import Hub
from polaris.web.sessions.topic import SessionsTopic, SessionTopic
from tests.support.cast import Cast
from tests.support.charging import Charging
from tests.support.garbage import GARBAGE
from tests.support.pages import Open, direct


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_garbage_ends_no_stream(
    hub: Hub, open_: Open, people: Cast, charging: Charging, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    number = charging.start(people.ada.id_tag)
    caplog.set_level(logging.WARNING)
    with (
        closing(open_(SessionTopic(number), people.ada)) as page,
        closing(open_(SessionsTopic(people.ada.id), people.ada)) as mine,
        redis.Redis.from_url(config.redis_url) as client,
    ):
        assert page.shows("0.00", in_="live")
        assert mine.shows("0.00")
        channels = [
            pubsub.session_channel(number),
            pubsub.account_channel(people.ada.id),
            pubsub.METER_KEYS,
            pubsub.PROCESS_CHANNEL,
        ]
        for channel in channels:
            for message in GARBAGE:
                client.publish(channel, message)
        charging.meter(number, 3500)
        assert page.shows("2.50", in_="live")
        assert mine.shows("2.50")
    assert 1 <= caplog.text.count("is not understood") <= MAX_LINES + 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_forged_change_shows_no_session_of_others(
    hub: Hub, open_: Open, people: Cast, charging: Charging, config: Config
) -> None:
    others, own = charging.start(people.ada.id_tag), charging.start(people.ben.id_tag, connector=2)
    forged = pubsub.encode(PubSubMessage(pubsub.SESSION_CHANGED, {"session": others}))
    with (
        closing(open_(SessionsTopic(people.ben.id), people.ben)) as page,
        redis.Redis.from_url(config.redis_url) as client,
    ):
        assert page.shows(f"/sessions/{own}")
        client.publish(pubsub.account_channel(people.ben.id), forged)
        charging.meter(own, 3500)
        assert page.shows("2.50")
        charging.meter(own, 4500)
        assert page.shows("3.50")
        assert not any(f"/sessions/{others}" in html for html in page.everything)

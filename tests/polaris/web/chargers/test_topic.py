"""A charger's page as a topic: what concerns it, what it reads, and what it renders of that."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from polaris import pubsub
from polaris.config import Config
from polaris.domain.commands.catalog import Reset
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.facts import ChargerNotified
from polaris.domain.viewer import Viewer
from polaris.ingest import RequestTerms
from polaris.models import Charger, Connector
from polaris.push.topic import TIME, WHOLE, Change, RenderSettings
from polaris.rendering.fragments import Fragments
from polaris.services import NAME
from polaris.web.chargers.topic import CHARGER_INTERVAL, MESSAGES_INTERVAL, ChargerTopic
from tests.support import cast as cast_
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging
from tests.support.frames import FrameLog

SETTINGS = RenderSettings("Olga", timedelta(seconds=150))
OPERATOR = Viewer(Role.OPERATOR, AccountStatus.ACTIVE)


@pytest.fixture
def topic(app: Flask, charging: Charging) -> ChargerTopic:
    return ChargerTopic(charging.charger.id, app.extensions[NAME].tails)


def pushed(
    app: Flask,
    topic: ChargerTopic,
    viewer: Viewer = OPERATOR,
    change: Change = WHOLE,
    at: datetime | None = None,
) -> Fragments:
    state = topic.read(frozenset({change}), at or datetime.now(UTC), SETTINGS)
    with app.test_request_context():
        return topic.common(state) | topic.per_viewer(state, viewer, SETTINGS)


def test_concerned_by_own_notifications_only(topic: ChargerTopic) -> None:
    mine, other = topic.charger_id, topic.charger_id + 1
    for charger_id, concern in ((mine, WHOLE), (other, None)):
        hints = (*pubsub.charger_changed(charger_id), *pubsub.session_changed(7, charger_id, 3, is_new=True))
        heard = [topic.changes(pubsub.decode(hint.message)) for hint in hints if hint.channel in topic.channels]
        assert heard == [concern, concern]
    assert topic.changes(pubsub.decode(pubsub.account_changed(mine)[0].message)) is None


def test_pages_share_one_topic(app: Flask, topic: ChargerTopic) -> None:
    tails = app.extensions[NAME].tails
    assert topic == ChargerTopic(topic.charger_id, tails)
    assert len({topic, ChargerTopic(topic.charger_id, tails), ChargerTopic(topic.charger_id, tails, before=9)}) == 2


@pytest.mark.both_databases
def test_every_change_shows(app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic, config) -> None:
    log = FrameLog(Path(config.frames_dir), cast.depot_7.identity)
    name = f"charger-{topic.charger_id}"
    assert "Online" in pushed(app, topic)[f"{name}-header"]
    charging.status("Finishing", connector=2)
    assert "Waiting to be unplugged" in pushed(app, topic)[f"{name}-connectors"]
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 2500, power_w=7000)
    running = pushed(app, topic)[f"{name}-running"]
    assert "1.50" in running
    assert f'id="session-{number}-stop"' in running
    app.extensions[NAME].ingest.request_stop(number, cast.olga.id, datetime.now(UTC))
    assert "The charger is offline: the stop did not reach it" in pushed(app, topic)[f"{name}-running"]
    charging.end(number, 3000)
    changed = pushed(app, topic)
    assert "Completed" in changed[f"{name}-sessions"]
    assert "No session is in progress." in changed[f"{name}-running"]
    log.said("Heartbeat", {})
    assert "no answer yet" in pushed(app, topic)[f"{name}-messages"]


def test_messages_read_each_second(
    app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic, config: Config
) -> None:
    log = FrameLog(Path(config.frames_dir), cast.depot_7.identity)
    name = f"charger-{topic.charger_id}"
    now = datetime.now(UTC)
    assert topic.read(frozenset({WHOLE}), now, SETTINGS).changes_at == now + MESSAGES_INTERVAL
    before = pushed(app, topic, change=TIME, at=now)
    log.said("Heartbeat", {})
    charging.start(cast.ada.id_tag)
    after = pushed(app, topic, change=TIME, at=now)
    assert {root_id for root_id, html in after.items() if html != before[root_id]} == {f"{name}-messages"}
    later = topic.read(frozenset({TIME}), now + CHARGER_INTERVAL, SETTINGS)  # as though nothing had been announced
    with app.test_request_context():
        assert "Stop charging" in topic.per_viewer(later, OPERATOR, SETTINGS)[f"{name}-running"]


@pytest.mark.both_databases
@pytest.mark.field(134)
def test_settings_follow(app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic) -> None:
    """A report that comes while the page is open shows, without a notification: at the next reading."""
    name, started_at = f"charger-{topic.charger_id}-settings-version", datetime.now(UTC)
    client = app.test_client()
    forms.sign_in(client, cast.olga)

    def page() -> tuple[str, str]:
        """Return the list and its version, as a page fetches them."""
        html = client.get(f"/fleet/{cast.depot_7.identity}/settings").text
        (version,) = re.findall(r'data-version="([^"]*)"', html)
        return html, f'data-settings-version="{version}"'

    versions = [pushed(app, topic, at=started_at)[name]]
    assert "reported none yet" in page()[0]
    assert page()[1] in versions[0]
    for number in range(2):
        at = started_at + CHARGER_INTERVAL * (number + 1)
        setting = {"component": {"name": "EVSE"}, "variable": {"name": f"Variable{number}"}}
        raw = {"seqNo": number, "tbc": number == 0, "reportData": [setting]}
        fact = ChargerNotified(
            charger_id=topic.charger_id, received_at=at, topic="NotifyReport", request="7", part=number, raw=raw
        )
        charging.ingest.store([fact], at)
        versions.append(pushed(app, topic, change=TIME, at=at)[name])
        assert f"Variable{number}" in page()[0]
        assert page()[1] in versions[-1]
    assert len(set(versions)) == len(versions)
    assert max(map(len, versions)) < 300  # however many settings there are


def test_time_dependent_state_not_cached(app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic) -> None:
    number = charging.start(cast.ada.id_tag)
    now = datetime.now(UTC)
    app.extensions[NAME].ingest.request_stop(number, cast.olga.id, now)  # refused at once, and a countdown begins
    before = topic.read(frozenset({WHOLE}), now + timedelta(seconds=8), SETTINGS).value.charger
    assert before.changes_at == now + timedelta(seconds=10)
    after = topic.read(frozenset({TIME}), now + timedelta(seconds=10), SETTINGS).value.charger
    assert [one.running[0].stop.can_press for one in (before, after)] == [False, True]


def test_late_subscriber_gets_current_state(app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic) -> None:
    """Not what was read some seconds ago: the page that comes was drawn since, and would go backwards."""
    running = f"charger-{topic.charger_id}-running"
    assert "No session is in progress." in pushed(app, topic, change=WHOLE)[running]
    charging.start(cast.ada.id_tag)  # as though Redis were away: nothing is announced to the topic
    assert "Stop charging" in pushed(app, topic, change=WHOLE)[running]


def test_older_page_keeps_its_sessions(app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic) -> None:
    numbers = []
    for _ in range(3):
        numbers.append(charging.start(cast.ada.id_tag))
        charging.end(numbers[-1], 2000)
    older = ChargerTopic(topic.charger_id, topic.tails, before=numbers[1])
    shown = pushed(app, older)[f"charger-{topic.charger_id}-sessions"]
    assert f"session-{numbers[0]}-row" in shown
    assert f"session-{numbers[1]}-row" not in shown


def test_suspended_operator_button_disabled(app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic) -> None:
    charging.start(cast.ada.id_tag)
    running = f"charger-{topic.charger_id}-running"
    assert "hx-post" in pushed(app, topic)[running]
    assert "hx-post" not in pushed(app, topic, Viewer(Role.OPERATOR, AccountStatus.SUSPENDED))[running]


def test_deleted_charger_renders_nothing(app: Flask, cast: Cast, config: Config) -> None:
    gone = cast_.add_charger(config, "depot-8")
    topic = ChargerTopic(gone.id, app.extensions[NAME].tails)
    assert pushed(app, topic)
    Connector.delete().execute()
    Charger.delete().where(Charger.id == gone.id).execute()
    assert pushed(app, topic) == {}


@pytest.mark.both_databases
def test_fate_of_a_command_is_pushed(app: Flask, cast: Cast, charging: Charging, topic: ChargerTopic) -> None:
    ingest, fragment = app.extensions[NAME].ingest, f"charger-{topic.charger_id}-commands"
    assert "Nothing was asked of it yet." in pushed(app, topic)[fragment]
    terms = RequestTerms("a-key", is_dry_run=True)
    made = ingest.request_command(cast.depot_7.identity, Reset(), "command line", datetime.now(UTC), terms)
    (hint,) = pubsub.command_changed(topic.charger_id, made)
    assert topic.changes(pubsub.decode(hint.message)) is WHOLE
    shown = pushed(app, topic)[fragment]
    assert f'id="command-{made}"' in shown
    assert "by command line" in shown
    assert "The charger is offline." in shown


def test_unchanged_commands_not_rendered_again(app: Flask, charging: Charging, topic: ChargerTopic) -> None:
    """What has not changed is not rendered again, though the commands are read with the charger."""
    first = pushed(app, topic)[f"charger-{topic.charger_id}-commands"]
    charging.status("Charging")
    assert pushed(app, topic)[f"charger-{topic.charger_id}-commands"] is first

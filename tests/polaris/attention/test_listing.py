"""Each kind appears by itself, says why and since when, and goes away when it has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration, attention, models
from polaris.administration import COMMAND_LINE, charger_security, notices, own_passwords
from polaris.attention import Item
from polaris.attention.kinds import MAX_COUNTED, MAX_SHOWN
from polaris.config import Config
from polaris.domain.enums import Alarm, Role, StopState
from polaris.domain.facts import ChargerClockChanged, ChargerDisconnected, ChargerNotified, ConnectorStatusChanged
from polaris.domain.notices import Channel, Occasion
from polaris.ingest import Ingest, RefusedHandshake
from polaris.mail import outbox
from polaris.models import (
    Charger,
    ChargerConnection,
    ChargingSession,
    Connector,
    PushSubscription,
    SignIn,
    Site,
    StopRequest,
    UnrecognisedCharger,
)
from polaris.pubsub import Publisher
from polaris.web.attention import view
from polaris.web_push import outbox as push_outbox
from tests.polaris.attention.conftest import Open
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.disks import SmallDisk

pytestmark = pytest.mark.both_databases

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.close()


def words(item: Item) -> str:
    """All that is said of an item, with instants left out."""
    values = [{k: "…" if isinstance(v, datetime) else v for k, v in said.values.items()} for said in item.sentences]
    return " ".join(said.text % of for said, of in zip(item.sentences, values, strict=True))


def commands(item: Item) -> list[str]:
    return [action.command.removeprefix("flask --app app ") for action in item.actions]


def store(charging: Charging, fact: type, **values: Any) -> None:
    charging._store(fact(**values, **charging._base()))


def fault(charging: Charging, code: str, status: str = "Faulted", connector: int = 1, info: str = "") -> None:
    values: dict[str, Any] = {"connector": connector, "status": status, "error_code": code, "info": info, "at": now()}
    store(charging, ConnectorStatusChanged, **values)


def notice(charging: Charging, topic: str) -> None:
    store(charging, ChargerNotified, topic=topic, raw={})


def knock(ingest: Ingest, identity: str, key: str = "", times: int = 1, address: str = "192.0.2.7") -> None:
    handshake = RefusedHandshake(identity, address, "ocpp1.6", key, 1, now(), now(), times, f"/ocpp/{identity}")
    ingest.note_refused_handshakes([handshake], now())


def stop(number: int, account_id: int, state: StopState, seconds_ago: int) -> None:
    at = now() - timedelta(seconds=seconds_ago)
    with models.database.connection_context():
        StopRequest.create(
            session=number, account=account_id, state=state, requested_at=at, deadline_at=at, decided_at=at
        )


def test_nothing_needs_anybody(open_items: Open, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 2000)
    charging.status("Charging")
    assert open_items() == []
    charging.end(number, 3000)
    charging.status("Available")
    assert open_items() == []
    assert len(attention.read(now(), ()).sections) == 15


def test_stuck_session(open_items: Open, charging: Charging, cast: Cast, ingest: Ingest) -> None:
    number = charging.start(cast.ada.id_tag)
    assert open_items("stuck") == []
    (item,) = open_items("stuck", after=HOUR)
    assert (item.key, item.session, item.connector, item.identity, item.name) == (
        f"stuck:{number}", number, 1, "depot-7", "Depot 7"
    )  # fmt: skip
    assert "The last reading came at" in words(item)
    assert item.since is not None
    assert commands(item) == [f"session close {number}", "charger trigger depot-7 readings --connector 1"]
    charging.status("Available")
    (worse,) = open_items("stuck", after=HOUR)
    assert worse.level > item.level
    assert ingest.close_session(number, ACTOR, now())
    assert open_items("stuck", after=HOUR) == []


def test_reading_settles_stuck_session(open_items: Open, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.status("Available")
    assert len(open_items("stuck")) == 1
    charging.meter(number, 2000)
    charging.status("Charging")
    assert open_items("stuck") == []


def test_accepted_stop_without_end_is_stuck(open_items: Open, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.status("Charging")
    stop(number, cast.ada.id, StopState.OVERDUE, 60)
    (item,) = open_items("stuck")
    assert "A stop was accepted twice" in words(item)
    charging.status("EVConnected")
    assert open_items("stuck") == []


def test_asked_session_that_is_silent(open_items: Open, charging: Charging, cast: Cast, ingest: Ingest) -> None:
    charging.start(cast.ada.id_tag)
    silent_at = now() + timedelta(minutes=10)
    assert ingest.follow_up("bridge-of-tests", silent_at)
    assert open_items("stuck", at=silent_at, after=timedelta(seconds=29)) == []
    (item,) = open_items("stuck", at=silent_at, after=timedelta(seconds=31))
    assert "Asked for its readings" in words(item)


def test_same_sessions_as_the_command(charging: Charging, cast: Cast, ingest: Ingest, open_items: Open) -> None:
    """What is selected as stuck is all that the evidence finds."""
    numbers = [charging.start(cast.ada.id_tag, connector=connector) for connector in range(1, 6)]
    charging.status("Available", connector=2)
    stop(numbers[2], cast.ada.id, StopState.OVERDUE, 10)
    later = now() + HOUR
    assert {item.session for item in open_items("stuck")} == {s.number for s in ingest.stuck(now())}
    assert {item.session for item in open_items("stuck", at=later)} == {s.number for s in ingest.stuck(later)}


def test_figure_in_doubt(open_items: Open, charging: Charging, cast: Cast, ingest: Ingest) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 900_000_000)
    with models.database.connection_context():
        ChargingSession.update(energy_wh=None).where(ChargingSession.number == number).execute()
    (item,) = open_items("doubtful")
    assert "nothing consistent says how much flowed" in words(item)
    assert commands(item) == [f"session set-energy {number} KWH --reason TEXT"]
    ingest.set_energy(number, Decimal("0.01"), "main meter", ACTOR, now())
    assert open_items("doubtful") == []


def test_refused_charger(open_items: Open, ingest: Ingest, config: Config, publisher: Publisher, cast: Cast) -> None:
    knock(ingest, "depot-9", key="hash")
    (item,) = open_items("refused")
    assert item.key == "refused:depot-9@192.0.2.7"
    assert "asked for /ocpp/depot-9 from 192.0.2.7" in words(item)
    assert "It offered a key." in words(item)
    assert commands(item) == [
        "charger accept depot-9 --address 192.0.2.7",
        "charger accept depot-9 --address 192.0.2.7 --new-key",
    ]
    charger_security.accept(publisher, config.charger_key_secrets, "depot-9", is_new_key=True, actor=ACTOR, now=now())
    assert open_items("refused") == []


def test_refused_charger_that_nobody_waits_for(open_items: Open, ingest: Ingest, cast: Cast) -> None:
    knock(ingest, "depot-9")
    assert commands(open_items("refused")[0]) == ["charger accept depot-9 --address 192.0.2.7 --new-key"]
    assert open_items("refused", after=7 * DAY + HOUR) == []


def test_wrong_key_passes_when_charger_comes(open_items: Open, charging: Charging, ingest: Ingest) -> None:
    knock(ingest, "depot-7", key="hash")
    notice(charging, Alarm.WRONG_KEYS)
    (item,) = open_items()  # once, although there is an alarm too
    assert "Somebody asked to connect as this charger" in words(item)
    charging.connect()
    assert [item.kind for item in open_items()] == ["alarm"]


@pytest.mark.parametrize("put_away", [charger_security.block, charger_security.retire])
def test_deliberate_act_settles(
    open_items: Open, charging: Charging, ingest: Ingest, publisher: Publisher, put_away: Callable[..., object]
) -> None:
    """The charger goes on trying, and everybody who has its identity does: that is what was wanted."""
    knock(ingest, "depot-7", key="hash")
    for topic in Alarm:
        notice(charging, topic)
    put_away(publisher, "depot-7", actor=ACTOR, now=now())
    knock(ingest, "depot-7", key="hash", times=16, address="192.0.2.8")
    knock(ingest, "depot-9")
    assert [item.key for item in open_items()] == ["refused:depot-9@192.0.2.7"]


def test_fault(open_items: Open, charging: Charging) -> None:
    fault(charging, "GroundFailure", info="residual current")
    (item,) = open_items("fault")
    assert (item.key, item.connector) == ("fault:depot-7/1", 1)
    assert words(item) == "It reports Faulted with the error code GroundFailure: residual current"
    fault(charging, "NoError", "Available")
    assert open_items("fault") == []


def test_error_code_without_fault(open_items: Open, charging: Charging) -> None:
    fault(charging, "WeakSignal", "Available")
    (item,) = open_items("fault")
    assert item.level == 1
    fault(charging, "", "Faulted", connector=2)
    assert [item.level for item in open_items("fault")] == [2, 1]


def test_charger_offline_longer_than_usual(open_items: Open, charging: Charging, ingest: Ingest) -> None:
    store(charging, ChargerDisconnected, connection_id="1")
    assert open_items("offline", after=HOUR - timedelta(minutes=1)) == []
    (item,) = open_items("offline", after=HOUR)
    assert item.key == "offline:depot-7"
    assert commands(item) == ["frames list depot-7", "charger behaviour depot-7", "charger retire depot-7"]
    pages = [view.href(action, "/attention").partition("?") for action in item.actions]
    assert [path for path, *_ in pages] == [
        "/fleet/depot-7/messages",
        "/fleet/depot-7/behaviour",
        "/actions/charger/retire",
    ]
    assert [bool(query) for *_, query in pages] == [False, False, True]
    assert open_items("offline", after=DAY)[0].level == 2
    assert open_items("offline", after=31 * DAY) == []
    charging.connect()
    assert open_items("offline", at=now()) == []


def test_charger_that_is_switched_off_every_night(open_items: Open, charging: Charging) -> None:
    store(charging, ChargerDisconnected, connection_id="1")
    ended_at = Charger.get().last_contact_at
    ChargerConnection.delete().execute()
    for night in range(11):
        ended = ended_at - night * DAY
        values = {"charger": Charger.get().id, "slot": night, "ended_at": ended, "ended_by": "charger"}
        ChargerConnection.create(**values, connected_at=ended - 15 * HOUR)
    assert open_items("offline", after=17 * HOUR) == []
    (item,) = open_items("offline", after=18 * HOUR)
    assert "It has been gone 10 times in" in words(item)
    assert "half of them for at most 540 minutes." in words(item)


def test_charger_of_dead_bridge_is_offline(open_items: Open, charging: Charging, ingest: Ingest) -> None:
    assert [item.key for item in open_items("offline", after=2 * HOUR)] == ["offline:depot-7"]
    ingest.renew_lease("bridge-of-tests", now() + 2 * HOUR)
    assert open_items("offline", after=2 * HOUR) == []


def test_retired_charger_needs_nobody(open_items: Open, charging: Charging, publisher: Publisher) -> None:
    fault(charging, "GroundFailure")
    store(charging, ChargerClockChanged, offset_s=7200)
    notice(charging, Alarm.VOLUME)
    charger_security.retire(publisher, "depot-7", actor=ACTOR, now=now())
    assert open_items(after=2 * HOUR) == []


def test_two_connections_taking_turns(open_items: Open, charging: Charging) -> None:
    notice(charging, Alarm.TWO_CONNECTIONS)
    (item,) = open_items()
    assert item.key == "turns:depot-7"
    assert "Two connections take turns" in words(item)
    assert commands(item) == ["charger new-key depot-7", "charger block depot-7"]
    assert open_items("turns", after=7 * DAY + HOUR) == []


def test_failing_stops(open_items: Open, charging: Charging, cast: Cast) -> None:
    number = charging.start(cast.ada.id_tag)
    for seconds_ago, state in ((50, StopState.COMPLETED), (40, StopState.REJECTED), (30, StopState.TIMED_OUT)):
        stop(number, cast.ada.id, state, seconds_ago)
    assert open_items("stops") == []
    stop(number, cast.ben.id, StopState.OFFLINE, 20)
    (item,) = open_items("stops")
    assert "The last 3 stops in a row have failed." in words(item)
    assert f"A stop of session {number} was rejected" in words(item)
    assert item.level == 3
    assert open_items("stops", after=DAY) == []
    stop(number, cast.ada.id, StopState.COMPLETED, 10)
    assert open_items("stops") == []


def test_unknown_card(open_items: Open, charging: Charging, ingest: Ingest, cast: Cast) -> None:
    for _ in range(2):
        ingest.authorize("04a2b3c4", cast.depot_7.id, now())
    (item,) = open_items("card")
    assert (item.key, item.name, item.identity) == (f"card:{tapped_number()}", "04A2B3C4", "depot-7")
    assert "tapped 2 times" in words(item)
    (action,) = item.actions
    assert (action.path, list(action.fields)) == (("actions", "card", "add-tapped"), ["number"])
    administration.add_tapped_card(cast.ada.email, int(action.fields["number"]), actor=ACTOR, now=now())
    assert open_items("card") == []


def tapped_number() -> int:
    (tapped,) = administration.tapped_cards()
    return tapped.number


def test_wrong_clock(open_items: Open, charging: Charging) -> None:
    store(charging, ChargerClockChanged, offset_s=7200)
    (item,) = open_items("clock")
    assert words(item) == "Its clock is 2 h ahead. That is taken off the times that it sends."
    store(charging, ChargerClockChanged, offset_s=0)
    assert open_items("clock") == []


def test_security_events_and_alarms(open_items: Open, charging: Charging) -> None:
    for topic in ("SecurityEvent TamperDetectionActivated", "SecurityEvent FirmwareUpdated", Alarm.VOLUME):
        notice(charging, topic)
    found = open_items("alarm")
    assert {item.target for item in found} == {
        "depot-7/SecurityEvent TamperDetectionActivated",
        "depot-7/Alarm volume",
    }
    assert "The charger reports a security event: TamperDetectionActivated." in words(found[0]) + words(found[1])


def test_disk_filling_up(app: object, tmp_path: Path, small_disk: SmallDisk) -> None:
    directories = (str(tmp_path / "none"), str(small_disk.directory), str(small_disk.directory))
    (item,) = attention.read(now(), directories).sections[0].items
    assert "MB of its disk are free" in words(item)
    assert item.level == 3


def test_full_table_of_refused_handshakes(open_items: Open, cast: Cast) -> None:
    rows = [
        {"identity": f"x-{number}", "address": str(number), "times": 1, "first_at": now(), "last_at": now()}
        for number in range(1000)
    ]
    with models.database.connection_context():
        UnrecognisedCharger.insert_many(rows).execute()
    assert [item.key for item in open_items("storage")] == ["storage:refused"]


def test_kind_is_bounded(open_items: Open, cast: Cast, app: object) -> None:
    count = MAX_COUNTED + 20
    with models.database.connection_context():
        Connector.insert_many(
            {
                "charger": cast.depot_7.id,
                "number": number,
                "status": "Faulted",
                "changed_at": now() + timedelta(seconds=number),
            }
            for number in range(1, count + 1)
        ).execute()
        (section,) = [section for section in attention.read(now(), ()).sections if section.count]
        assert [item.connector for item in section.items] == list(range(count, count - MAX_SHOWN, -1))
        assert (section.count, section.is_counted) == (MAX_COUNTED, False)
        Connector.delete().where(Connector.number > MAX_SHOWN + 2).execute()
    (section,) = [section for section in attention.read(now(), ()).sections if section.count]
    assert (section.more, section.count, section.is_counted) == (2, MAX_SHOWN + 2, True)


def test_keys_are_unique(open_items: Open, charging: Charging, ingest: Ingest, cast: Cast) -> None:
    for connector in (1, 2):
        fault(charging, "GroundFailure", connector=connector)
    for address in ("192.0.2.7", "192.0.2.8"):
        knock(ingest, "depot-9", address=address)
    for topic in (Alarm.VOLUME, Alarm.CONNECTORS, Alarm.TWO_CONNECTIONS):
        notice(charging, topic)
    keys = [item.key for item in open_items(after=2 * HOUR)]
    assert len(keys) == len(set(keys)) == 8
    with models.database.connection_context():
        assert Charger.select().count() == 1


def test_time_zone_that_is_known_no_more(open_items: Open) -> None:
    with models.database.connection_context():
        Site.update(time_zone="Atlantis/Capital").execute()
    (item,) = open_items("zone")
    assert (item.key, item.name) == ("zone:1", "Main")
    assert "does not know its time zone Atlantis/Capital" in words(item)
    assert commands(item) == ["site set Main", "tariff set --site Main --per-kwh PRICE"]
    administration.set_site("Main", time_zone="Europe/Berlin", actor=ACTOR, now=now())
    assert open_items("zone") == []


def test_mail_that_is_not_sent(open_items: Open, cast: Cast) -> None:
    who = {"mail_secret": "s" * 32, "actor": COMMAND_LINE, "now": now()}
    for email in ("zoe@example.com", "yan@example.com", "xia@example.com"):
        administration.invite(email, Role.DRIVER, **who)
    assert open_items("mail") == []
    for answer in ("550 No such person", ""):
        claimed = outbox.claim(now())
        assert claimed
        outbox.not_sent(claimed, answer or "mail.example:587: Connection refused", now(), is_final=bool(answer))
    (item,) = open_items("mail")
    assert (item.name, item.level) == ("zoe@example.com", 2)
    assert words(item) == "The mail was not sent: 550 No such person"
    assert commands(item) == ["account mail-invitation zoe@example.com", "account withdraw-invitation zoe@example.com"]
    late = {item.name: words(item) for item in open_items("mail", after=timedelta(minutes=16))}
    assert late["yan@example.com"].endswith("tried again at …: mail.example:587: Connection refused")
    assert late["xia@example.com"] == "The mail has been waiting since …."

    administration.mail_again("zoe@example.com", actor=COMMAND_LINE, now=now())
    assert open_items("mail") == []
    administration.withdraw_invitation("yan@example.com", actor=COMMAND_LINE, now=now())
    while claimed := outbox.claim(now()):
        outbox.sent(claimed, now())
    assert open_items("mail", after=HOUR) == []


def test_link_for_a_password_that_is_not_sent(open_items: Open, cast: Cast) -> None:
    own_passwords.ask_for_link(cast.ada.email, "", mail_secret="s" * 32, now=now())
    claimed = outbox.claim(now())
    assert claimed
    outbox.not_sent(claimed, "550 No such person", now(), is_final=True)
    (item,) = open_items("mail")
    assert words(item) == (
        "It has the link for a new password that was asked for. The mail was not sent: 550 No such person"
    )
    assert commands(item) == []
    assert open_items("mail", after=HOUR) == []


def test_notices_that_are_not_sent(open_items: Open, cast: Cast, charging: Charging, config: Config) -> None:
    chosen = frozenset((Occasion.ENDED, channel) for channel in Channel)
    notices.choose(cast.ada.id, chosen, "", now=now())
    with models.database.connection_context():
        times = {"created_at": now(), "last_seen_at": now()}
        SignIn.create(id="phone", account=cast.ada.id, user_agent="", **times)
        keys = {"endpoint": "https://push.example/", "p256dh": "", "auth": "", "server_key": ""}
        PushSubscription.create(account=cast.ada.id, sign_in="phone", created_at=now(), **keys)
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 4000)
    assert open_items("mail") + open_items("push") == []
    (late,) = open_items("push", after=timedelta(minutes=16))
    assert words(late) == "A notice to a device has been waiting since …."
    mail, push = outbox.claim(now()), push_outbox.claim(config, now())
    assert mail
    assert push
    outbox.not_sent(mail, "550 No such person", now(), is_final=True)
    push_outbox.not_sent(push, "Its push service answered 403.", now(), is_final=True)
    (item,) = open_items("mail")
    assert words(item) == "It is a notice about a session. The mail was not sent: 550 No such person"
    (item,) = open_items("push")
    assert words(item) == "A notice was not sent to a device: Its push service answered 403."
    assert (item.name, item.session, item.level) == (cast.ada.email, number, 2)
    assert open_items("mail", after=2 * DAY) + open_items("push", after=2 * DAY) == []


def test_mail_of_an_expired_invitation_needs_nobody(open_items: Open, cast: Cast) -> None:
    administration.invite("zoe@example.com", Role.DRIVER, mail_secret="s" * 32, actor=COMMAND_LINE, now=now())
    assert open_items("mail", after=6 * DAY)
    assert open_items("mail", after=7 * DAY) == []


def group_of(app: Flask, name: str) -> click.Group:
    group = app.cli.commands[name]
    assert isinstance(group, click.Group)
    return group


def test_every_action_is_a_command_and_a_form(
    app: Flask, client: FlaskClient, charging: Charging, ingest: Ingest, cast: Cast, open_items: Open
) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.status("Available")
    fault(charging, "GroundFailure")
    for seconds_ago in (3, 2, 1):
        stop(number, cast.ada.id, StopState.REJECTED, seconds_ago)
    knock(ingest, "depot-9", key="hash")
    ingest.authorize("04A2B3C4", cast.depot_7.id, now())
    store(charging, ChargerClockChanged, offset_s=7200)
    notice(charging, Alarm.TWO_CONNECTIONS)
    with models.database.connection_context():
        Site.update(time_zone="Atlantis/Capital").execute()
    administration.invite("zoe@example.com", Role.DRIVER, mail_secret="s" * 32, actor=COMMAND_LINE, now=now())
    actions = [action for item in open_items(after=2 * HOUR) for action in item.actions]
    assert len(actions) >= 10
    forms.sign_in(client, cast.olga)
    for action in actions:
        group, name, *_ = map(str, action.words)
        assert name in group_of(app, group).commands, action.command
        if action.path[0] == "actions":
            assert client.get(view.href(action, "/attention"), follow_redirects=True).status_code == 200, action.path

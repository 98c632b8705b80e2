"""Chargers that nobody knows, or that have another key: seen, bounded, accepted; and keys that are rotated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from websockets.exceptions import InvalidStatus

from polaris.administration import Refused, charger_security
from polaris.config import Config
from polaris.ingest import Ingest, RefusedHandshake
from polaris.ingest.refused_handshakes import MAX_ROWS, MAX_ROWS_PER_ADDRESS
from polaris.models import AuditEntry, Charger, UnrecognisedCharger
from polaris.pubsub import Publisher
from tests.support.command_line import run_command
from tests.support.depot import KEY, Depot, now, row, until
from tests.support.processes import Processes

WHO = {"actor": "olga@example.com", "now": now()}


@pytest.mark.both_databases
@pytest.mark.field(61)
async def test_unknown_charger_seen_and_accepted(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    for _ in range(3):
        await _refused(own_depot, "new-one")
    knock = await until(lambda: UnrecognisedCharger.get_or_none(UnrecognisedCharger.times == 3))
    assert (knock.identity, knock.address, knock.offered) == ("new-one", "127.0.0.1", "ocpp1.6")
    assert knock.first_at < knock.last_at
    assert KEY not in repr(UnrecognisedCharger.select().dicts().get())

    listed = _flask(own_depot, "charger", "refused").splitlines()
    assert listed[1].split()[:3] == ["new-one", "127.0.0.1", "/ocpp/new-one"]
    assert listed[1].split()[-4:] == ["3", "ocpp1.6", "offered", "new"]
    said = _flask(own_depot, "charger", "accept", "new-one", "--name", "The new one", "--yes")
    assert said.endswith("offered from 127.0.0.1\nCharger new-one was accepted with the key that it offered.\n")
    async with own_depot.charger("new-one") as charger:
        await charger.boot()
    assert row("new-one").name == "The new one"
    assert _flask(own_depot, "charger", "refused") == "No charger was refused.\n"
    entry = AuditEntry.get()
    assert (entry.action, entry.target) == ("charger.accepted", "new-one")
    assert "with the key offered from 127.0.0.1" in entry.detail
    await _refused(own_depot, "new-one", "another-key-of-some-length")


@pytest.mark.field(61)
async def test_known_charger_with_wrong_key_seen(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    identity = own_depot.identity()
    await _refused(own_depot, identity, "short")
    await until(lambda: UnrecognisedCharger.get_or_none(UnrecognisedCharger.identity == identity))
    assert _flask(own_depot, "charger", "refused").splitlines()[1].endswith("  none  known, profile 1")
    with pytest.raises(Refused, match="offered no key that can be bound"):
        own_depot.administer(charger_security.accept, own_depot.config.charger_key_secrets, identity, **WHO)
    for what in ({"name": "Another"}, {"site": "Elsewhere"}):
        with pytest.raises(Refused, match=f"{identity} is known, and its {next(iter(what))} stays"):
            own_depot.administer(
                charger_security.accept, own_depot.config.charger_key_secrets, identity, is_new_key=True, **what, **WHO
            )
    async with own_depot.charger(identity) as charger:
        await charger.heartbeat()  # its own key is still good
    said = _flask(own_depot, "charger", "accept", identity, "--new-key", "--yes")
    key = said.strip().rsplit(" ", 1)[1]
    assert key not in "".join(f"{entry.detail}{entry.target}" for entry in AuditEntry.select())
    await _refused(own_depot, identity)
    async with own_depot.charger(identity, key) as charger:
        await charger.heartbeat()


@pytest.mark.field(61)
async def test_impostor_not_bound_unseen(own_depot: Depot, processes: Processes) -> None:
    processes.bridge(OCPP_PROXY_HOPS="1")
    secrets = own_depot.config.charger_key_secrets
    for address, key in (("10.0.0.7", KEY), ("8.8.8.8", "the-key-of-a-stranger")):
        await _knock(own_depot, "new-one", key, address)
    await until(lambda: UnrecognisedCharger.select().count() == 2)
    with pytest.raises(Refused, match=r"knocks from 10\.0\.0\.7, 8\.8\.8\.8\. Say which one"):
        own_depot.administer(charger_security.accept, secrets, "new-one", **WHO)
    with pytest.raises(Refused, match=r"has not knocked from 1\.1\.1\.1"):
        own_depot.administer(charger_security.accept, secrets, "new-one", address="1.1.1.1", **WHO)
    assert not Charger.select().exists()
    own_depot.administer(charger_security.accept, secrets, "new-one", address="10.0.0.7", **WHO)
    async with own_depot.charger("new-one") as charger:
        await charger.boot()
    await _refused(own_depot, "new-one", "the-key-of-a-stranger")


@pytest.mark.both_databases
@pytest.mark.field(61)
def test_refused_handshakes_bounded(own_depot: Depot) -> None:
    at, publisher = now(), Publisher(own_depot.config.redis_url)
    ingest = Ingest(own_depot.config, publisher)
    ingest.note_refused_handshakes([_noted("the-last", "10.9.9.9", at)], at)
    for batch in range(11):
        many = [_noted(f"id-{batch}-{n}", f"10.0.{batch}.{n % 2}", at + timedelta(seconds=batch)) for n in range(250)]
        ingest.note_refused_handshakes(many, at)
    assert UnrecognisedCharger.select().count() == MAX_ROWS
    assert (
        UnrecognisedCharger.select().where(UnrecognisedCharger.address == "10.0.10.0").count() == MAX_ROWS_PER_ADDRESS
    )
    assert not UnrecognisedCharger.select().where(UnrecognisedCharger.identity == "the-last").exists()
    ingest.note_refused_handshakes(
        [_noted("id-10-0", "10.0.10.0", at + timedelta(seconds=60))], at + timedelta(days=31)
    )
    assert UnrecognisedCharger.select().count() == 0  # they had been away for a month
    publisher.close()


@pytest.mark.field(61)
async def test_flood_leaves_short_list(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    async with own_depot.charger() as charger:
        for number in range(130):
            await _refused(own_depot, f"stranger-{number}")
        await charger.heartbeat()
    await until(lambda: UnrecognisedCharger.select().count() == MAX_ROWS_PER_ADDRESS)


@pytest.mark.both_databases
@pytest.mark.field(102)
async def test_both_keys_valid_until_proven(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    identity = own_depot.identity()
    key = _flask(own_depot, "charger", "new-key", identity).strip().rsplit(" ", 1)[1]
    assert AuditEntry.get().action == "charger.key_rotated"
    for _ in range(2):
        async with own_depot.charger(identity) as charger:  # the old one
            await charger.heartbeat()
    assert row(identity).next_key_hash is not None
    await _refused(own_depot, identity, "neither-one-nor-other")
    async with own_depot.charger(identity, key) as charger:
        await charger.heartbeat()
        assert row(identity).next_key_hash is None
    await _refused(own_depot, identity)
    async with own_depot.charger(identity, key) as charger:
        await charger.heartbeat()


@pytest.mark.field(102)
def test_second_rotation_replaces_unproven(own_depot: Depot, config: Config) -> None:
    identity = own_depot.identity()
    first = charger_security.rotate_key(config.charger_key_secrets, identity, **WHO)
    pending = row(identity).next_key_hash
    second = charger_security.rotate_key(config.charger_key_secrets, identity, **WHO)
    assert first != second
    publisher = Publisher(own_depot.config.redis_url)
    late = Ingest(own_depot.config, publisher).find_charger(identity)
    assert late is not None
    assert late.next_key_hash != pending
    assert late.key_hash == row(identity).key_hash
    publisher.close()
    with pytest.raises(Refused, match="There is no charger nobody"):
        charger_security.rotate_key(config.charger_key_secrets, "nobody", **WHO)


@pytest.mark.field(100)
def test_profile_set_and_keyless_not_rotated(own_depot: Depot, config: Config) -> None:
    identity = own_depot.identity()
    own_depot.administer(charger_security.set_security_profile, identity, 3, **WHO)
    assert row(identity).security_profile == 3
    assert AuditEntry.get().detail == "1 to 3"
    with pytest.raises(Refused, match="has security profile 3, which knows no key"):
        charger_security.rotate_key(config.charger_key_secrets, identity, **WHO)
    Charger.update(key_hash="", security_profile=0).where(Charger.identity == identity).execute()
    with pytest.raises(Refused, match="has no key"):
        own_depot.administer(charger_security.set_security_profile, identity, 2, **WHO)


async def _refused(depot: Depot, identity: str, key: str = KEY) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await depot.charger(identity, key).connect()
    assert refused.value.response.status_code == 401


async def _knock(depot: Depot, identity: str, key: str, address: str) -> None:
    charger = depot.charger(identity, key, headers={"X-Forwarded-For": address})
    with pytest.raises(InvalidStatus):
        await charger.connect()


def _noted(identity: str, address: str, at: object) -> RefusedHandshake:
    return RefusedHandshake(identity, address, "ocpp1.6", "a" * 64, 1, at, at)  # type: ignore[arg-type]


def _flask(depot: Depot, *arguments: str) -> str:
    done = run_command(depot.config, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout

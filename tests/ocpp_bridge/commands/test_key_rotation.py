"""A new key, sent to the charger: nobody sees it, nothing keeps it, and both are good until it has come with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from polaris.administration import charger_security
from polaris.domain.commands import catalog as kinds
from polaris.domain.enums import CommandState
from polaris.ingest import CommandRefusal
from polaris.models import AuditEntry, Charger, Command
from simulator.command_responses import OnCommand
from tests.support.commanding import commanded_charger, done_with, once_out_of
from tests.support.depot import KEY, Depot, command_runs_out, now, row, until

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])


@pytest.mark.both_databases
@pytest.mark.field(102)
@VERSIONS
async def test_old_key_valid_until_new_proven(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version, reconnects=False) as charger:
        made = depot.command(charger.identity, kinds.ChangeKey())
        assert (await done_with(depot, made)).state == CommandState.ACCEPTED
        key = _key(charger.commands[-1])
        assert len(key) == 32
        assert row(charger.identity).next_key_hash is not None
        async with depot.charger(charger.identity, KEY) as old:  # it lost the new one
            await old.heartbeat()
        await charger.connection.wait_closed()
        await charger.connection.open()  # with the new one
        await charger.heartbeat()
        assert row(charger.identity).next_key_hash is None
        with pytest.raises(InvalidStatus):
            await depot.charger(charger.identity, KEY).connect()
        kept = [json.dumps(Command.select().where(Command.id == made).dicts().get(), default=str)]
        kept += [entry.detail for entry in AuditEntry.select()]
        log = await until(lambda: _logged(depot, charger.identity))
        assert not any(key in text for text in [*kept, log])
        assert log.count("***") >= 1


@pytest.mark.field(101, 102)
async def test_hexadecimal_key_as_bytes(depot: Depot) -> None:
    """The security whitepaper's AuthorizationKey is the hexadecimal form of the password's bytes."""
    async with commanded_charger(depot, reconnects=False) as charger:
        await done_with(depot, depot.command(charger.identity, kinds.ChangeKey()))
        key = bytes.fromhex(_key(charger.commands[-1]))
        async with depot.charger(charger.identity, key) as again:
            await again.heartbeat()
            assert row(charger.identity).next_key_hash is None
        with pytest.raises(InvalidStatus):
            await depot.charger(charger.identity, key[::-1]).connect()


@pytest.mark.field(102)
@pytest.mark.parametrize("how", [{"status": "NotSupported"}, {"status": "Rejected"}, OnCommand.ERROR])
async def test_refusing_charger_keeps_its_key(depot: Depot, how: object) -> None:
    async with commanded_charger(depot, reconnects=False) as charger:
        charger.on_command["ChangeConfiguration"] = how
        for _ in range(2):  # and it may be asked again
            done = await done_with(depot, depot.command(charger.identity, kinds.ChangeKey()))
            assert done.state in (CommandState.REJECTED, CommandState.ERROR)
        async with depot.charger(charger.identity, KEY) as again:
            await again.heartbeat()


@pytest.mark.field(102)
@pytest.mark.parametrize("how", [OnCommand.LATE, None])
async def test_delivered_key_not_forgotten(depot: Depot, how: OnCommand | None) -> None:
    async with commanded_charger(depot, reconnects=False) as charger:
        if how is not None:
            charger.on_command["ChangeConfiguration"] = how
        made = depot.command(charger.identity, kinds.ChangeKey())
        if how is OnCommand.LATE:
            await charger.commanded.wait()
            command_runs_out(made)
        await once_out_of(depot, made, "requested", "sent")
        pending = row(charger.identity).next_key_hash
        assert _asked(depot, charger.identity) is CommandRefusal.KEY_IS_PENDING
        assert row(charger.identity).next_key_hash == pending
        by_hand = charger_security.rotate_key(
            depot.config.charger_key_secrets, charger.identity, actor="olga", now=now()
        )
        async with depot.charger(charger.identity, by_hand) as again:
            await again.heartbeat()
            assert row(charger.identity).next_key_hash is None


@pytest.mark.field(102)
async def test_manual_key_after_refusal_not_forgotten(depot: Depot) -> None:
    async with commanded_charger(depot, reconnects=False) as charger:
        charger.on_command["ChangeConfiguration"] = {"status": "NotSupported"}
        await done_with(depot, depot.command(charger.identity, kinds.ChangeKey()))
        by_hand = charger_security.rotate_key(
            depot.config.charger_key_secrets, charger.identity, actor="olga", now=now()
        )
        assert _asked(depot, charger.identity) is CommandRefusal.KEY_IS_PENDING
        async with depot.charger(charger.identity, by_hand) as again:
            await again.heartbeat()


@pytest.mark.field(102)
@pytest.mark.parametrize("profile", [0, 3])
async def test_keyless_charger_gets_none(depot: Depot, profile: int) -> None:
    identity = depot.identity()
    Charger.update(security_profile=profile).where(Charger.identity == identity).execute()
    assert _asked(depot, identity) is CommandRefusal.NO_KEY


def _asked(depot: Depot, identity: str) -> object:
    return depot.ingest(lambda ingest: ingest.request_command(identity, kinds.ChangeKey(), "olga", now()))


def _key(command: tuple[str, dict]) -> str:
    action, payload = command
    if action == "ChangeConfiguration":
        assert payload["key"] == "AuthorizationKey"
        return str(payload["value"])
    one = payload["setVariableData"][0]
    assert (one["component"], one["variable"]) == ({"name": "SecurityCtrlr"}, {"name": "BasicAuthPassword"})
    return str(one["attributeValue"])


def _logged(depot: Depot, identity: str) -> str:
    """What the log of frames has of the change; "" before it is written."""
    lines = [line for file in Path(depot.config.frames_dir).rglob("*") if file.is_file() for line in _lines(file)]
    return "".join(line for line in lines if f'"{identity}"' in line and ("Authorizat" in line or "SecurityC" in line))


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8", "replace").splitlines()

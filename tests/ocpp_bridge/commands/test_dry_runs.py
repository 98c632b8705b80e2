"""Dry runs: the bridge shows the frame that it would send, and sends nothing until a person does."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from polaris.domain.commands import catalog as kinds
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.enums import CommandState
from polaris.ingest import CommandRefusal, CommandView, Interrupts, RequestTerms
from polaris.models import Charger, Command
from polaris.pubsub import RequestKind
from simulator.command_responses import OnCommand
from tests.support.commanding import commanded_charger, done_with, once_out_of
from tests.support.depot import Depot, now, sessions, until

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])


async def dry_run(depot: Depot, identity: str, command: ChargerCommand, key: str = "") -> CommandView:
    terms = RequestTerms(key, is_dry_run=True, agreed=frozenset())
    made = depot.ingest(lambda ingest: ingest.request_command(identity, command, "olga", now(), terms))
    assert isinstance(made, int), made
    return await once_out_of(depot, made, "drafted")


def send(
    depot: Depot, identity: str, command_id: int, agreed: frozenset[int] = frozenset()
) -> int | CommandRefusal | Interrupts:
    return depot.ingest(lambda ingest: ingest.send_dry_run(identity, command_id, "ben", now(), agreed))


@VERSIONS
async def test_frame_shown_then_sent_once(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        shown = await dry_run(depot, charger.identity, kinds.Reset())
        frame = json.loads(shown.frame)
        kind = "Soft" if version == "ocpp1.6" else "OnIdle"
        assert frame == [2, "...", "Reset", {"type": kind}]
        assert (shown.state, shown.protocol, shown.sent_at) == (CommandState.PREVIEWED, version, None)
        assert shown.connection_id == Charger.get(Charger.identity == charger.identity).connection_id
        assert not charger.commands
        for _ in range(2):
            assert send(depot, charger.identity, shown.id) == shown.id
        done = await done_with(depot, shown.id)
        assert (done.state, done.requested_by, done.is_dry_run) == (CommandState.ACCEPTED, "ben", False)
        assert list(charger.commands) == [("Reset", {"type": kind})]
        assert send(depot, charger.identity, shown.id) == shown.id
        assert len(charger.commands) == 1


async def test_refusal_of_the_version_is_shown(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        shown = await dry_run(depot, charger.identity, kinds.Reset(connector=2))
        words = "OCPP 1.6, which the charger speaks, cannot restart one connector, only the whole charger."
        assert (shown.state, shown.sentence, shown.frame) == (CommandState.REJECTED, words, "")
        assert send(depot, charger.identity, shown.id) is CommandRefusal.NO_DRY_RUN
        assert not charger.commands


@VERSIONS
async def test_no_secret_in_a_frame(depot: Depot, version: str) -> None:
    at = now()
    commands = [
        kinds.SetConfiguration("Wifi.Password", "a-secret"),
        kinds.UpdateFirmware("https://me:a-secret@x.example/1", at),
        kinds.GetLog("ftp://me:a-secret@x.example/in"),
        kinds.TransferData("ACME", "wifiPassphrase", "a-secret"),
        kinds.TransferData("ACME", "", '{"password": "a-secret"}'),
    ]
    async with commanded_charger(depot, version) as charger:
        for command in commands:
            shown = await dry_run(depot, charger.identity, command)
            assert shown.state is CommandState.PREVIEWED
            assert "***" in shown.frame
            row = Command.get_by_id(shown.id)
            assert "a-secret" not in f"{row.frame} {row.arguments}"
            assert send(depot, charger.identity, shown.id) is CommandRefusal.INCOMPLETE
        assert not charger.commands


@VERSIONS
async def test_dry_run_makes_no_key(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        shown = await dry_run(depot, charger.identity, kinds.ChangeKey())
        assert "***" in shown.frame
        assert Charger.get(Charger.identity == charger.identity).next_key_hash is None
        assert send(depot, charger.identity, shown.id) == shown.id
        assert (await done_with(depot, shown.id)).state is CommandState.ACCEPTED
        assert "***" not in json.dumps(charger.commands[-1][1])


async def test_never_claimed_for_sending(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        shown = await dry_run(depot, charger.identity, kinds.ClearCache())
        row = Command.get_by_id(shown.id)
        for kind in (RequestKind.COMMAND, RequestKind.DRY_RUN):
            claim = (kind, shown.id, row.charger_id, row.connection_id, now())
            assert depot.ingest(lambda ingest, claim=claim: ingest.claim(*claim)) is None
        depot.ingest(lambda ingest: ingest.sweep(now() + timedelta(hours=1)))
        assert depot.commanded(shown.id).state is CommandState.PREVIEWED
        assert not charger.commands


async def test_not_sent_on_another_connection(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        shown = await dry_run(depot, charger.identity, kinds.ClearCache())
        identity = charger.identity
    await until(lambda: Charger.get(Charger.identity == identity).connection_id is None)
    assert send(depot, identity, shown.id) is CommandRefusal.RECONNECTED
    assert (await dry_run(depot, identity, kinds.ClearCache())).state is CommandState.OFFLINE


async def test_asks_before_it_interrupts(depot: Depot) -> None:
    card = depot.card()
    async with commanded_charger(depot) as charger:
        shown = await dry_run(depot, charger.identity, kinds.Unlock(1))
        await charger.start_transaction(card.id_tag)
        number = sessions(charger.identity)[0].number
        asked = send(depot, charger.identity, shown.id)
        assert isinstance(asked, Interrupts)
        assert [session.number for session in asked.sessions] == [number]
        assert not charger.commands
        assert send(depot, charger.identity, shown.id, frozenset({number})) == shown.id
        assert (await done_with(depot, shown.id)).state is CommandState.ACCEPTED


async def test_waits_for_no_turn(depot: Depot) -> None:
    """A charger that answers nothing holds up what is sent to it, and no dry run."""
    async with commanded_charger(depot) as charger:
        charger.on_command["ClearCache"] = OnCommand.SILENT
        waiting = depot.command(charger.identity, kinds.ClearCache())
        await until(lambda: charger.commands)
        shown = await dry_run(depot, charger.identity, kinds.Reset())
        assert shown.state is CommandState.PREVIEWED
        assert depot.commanded(waiting).state is CommandState.SENT

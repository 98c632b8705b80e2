"""A person's data is exported whole, and erased so that the database has no trace of it but sessions without a name."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from peewee import ForeignKeyField, Model

from polaris import audit, models
from polaris.administration import set_account_status, sign_in
from polaris.config import Config
from polaris.domain.enums import AccountStatus
from polaris.domain.facts import Report, SessionReported
from polaris.domain.metering import Reading
from polaris.models import (
    Account,
    Acknowledgement,
    AuditEntry,
    BulkCommand,
    ChargerNotice,
    ChargingSession,
    Command,
    Commissioning,
    EnergyCorrection,
    EvCard,
    FleetFilter,
    Mail,
    Notice,
    NoticeChoice,
    NoticePush,
    PasswordReset,
    PushSubscription,
    SessionLimit,
    SettingsBaseline,
    SignIn,
    TransactionEvent,
    UnknownCard,
    UnprocessableFact,
)
from polaris.models.fields import BaseModel
from polaris.pubsub import ChangeNotification, Publisher
from polaris.retention import erase, export_words, traces
from polaris.verbs.verb import Notifications
from tests.support.command_line import run_command
from tests.support.ingest_cast import NOW, Cast, at, session

pytestmark = pytest.mark.both_databases

ADA, BEN, OLGA = "ada@example.com", "ben@example.com", "olga@example.com"
Run = Callable[..., Result]


@pytest.fixture
def run(cast: Cast, config: Config) -> Run:
    return lambda *arguments: run_command(config, *arguments)


def event(cast: Cast, seq_no: int, report: Report, id_tag: str | None, transaction_id: str) -> SessionReported:
    raw = {"seqNo": seq_no} | ({} if id_tag is None else {"idToken": {"idToken": id_tag.lower(), "type": "ISO14443"}})
    return SessionReported(
        charger_id=cast.charger,
        received_at=at(seq_no),
        raw=raw,
        connector=2,
        transaction_id=transaction_id,
        seq_no=seq_no,
        report=report,
        at=at(seq_no),
        readings=(Reading(at(seq_no), register_wh=5000 + seq_no),),
        id_tag=id_tag,
        status="",
        reason="",
        is_offline=False,
    )


@pytest.fixture
def lived(cast: Cast, publisher: Publisher) -> int:
    """Ada has charged with both versions, signed in, stopped, and is named by others; return her session's number."""
    number = cast.start().number
    cast.store(cast.metered(number, 30, 1050, signed_data='OCMF|{"IT":"ISO14443","ID":"ADA-1"}|{}'), seconds=30)
    cast.ingest.request_stop(number, cast.ada, at(40))
    cast.store(cast.ended(number, 60, 1100, id_tag="ADA-1"), seconds=60)
    cast.store(cast.metered(number, 70, 9_000_000_000), seconds=70)
    for transaction, id_tag in (("tx-1", "ADA-1"), ("tx-2", "BEN-1")):
        cast.store(event(cast, 0, Report.STARTED, id_tag, transaction))
        cast.store(event(cast, 1, Report.ENDED, "ADA-1", transaction))
    with models.database.connection_context():
        Account.update(password_hash="").where(Account.id == cast.ada).execute()
        SignIn.create(id="a-secret-id", account=cast.ada, user_agent="Firefox of Ada", created_at=NOW, last_seen_at=NOW)
        NoticeChoice.create(account=cast.ada, occasion="ended", channel="push", language="de")
        keys = {"endpoint": "https://push.example/of Ada", "p256dh": "a-secret-key", "auth": "x", "server_key": "x"}
        device = PushSubscription.create(account=cast.ada, sign_in="a-secret-id", created_at=NOW, **keys)
        notice = Notice.create(account=cast.ada, session=number, occasion="ended", happened_at=NOW, noted_at=NOW)
        NoticePush.create(notice=notice, subscription=device, queued_at=NOW, due_at=NOW)
        reset = PasswordReset.create(email=ADA, token_hash="a-hash", expires_at=NOW)
        for about in ({"notice": notice}, {"password_reset": reset}):
            Mail.create(recipient=ADA, nonce="x", queued_at=NOW, due_at=NOW, **about)
        SessionLimit.create(session=number, kind="energy", value=100, set_at=NOW)
        EnergyCorrection.create(session=number, at=NOW, kind="set", actor=OLGA, why=f"{ADA} has called")
        baseline = {"name": "Good", "identity": "depot-7", "saved_at": NOW, "count": 1}
        SettingsBaseline.create(**baseline, settings='[["",0,0,"MasterCard","ADA-1","read and write","",""]]')
        UnknownCard.create(id_tag="ADA-1", token_type="", charger=cast.charger, times=1, last_at=NOW)
        known = {"key": "clock:depot-7", "level": 1, "state": "", "at": NOW, "seen_at": NOW}
        Acknowledgement.create(actor=OLGA, note=f"{ADA} has called", **known)
        Commissioning.create(charger=cast.charger, began_at=NOW, began_by=ADA, skipped=json.dumps({"clock": ADA}))
        FleetFilter.create(name="Hers", query=json.dumps({"text": ADA}))
        bulk = {"kind": "reset", "state": "done", "total": 0, "requested_at": NOW, "next_at": NOW}
        BulkCommand.create(requested_by=ADA, arguments="{}", fleet_filter=json.dumps({"text": "ADA-1"}), **bulk)
        payload = '{"idTag": "ada-1"}'
        ChargerNotice.create(charger=cast.charger, topic="DataTransfer", payload=payload, received_at=NOW)
        UnprocessableFact.create(charger=cast.charger, name="x", reason="", payload=payload, received_at=NOW)
        for requested_by, arguments in ((ADA, '{"type":"Soft"}'), (OLGA, '{"id_tag":"ADA-1"}')):
            Command.create(
                charger=cast.charger,
                kind="reset",
                arguments=arguments,
                state="accepted",
                requested_by=requested_by,
                requested_at=NOW,
                deadline_at=NOW,
            )
        acting = audit.acting_from.set("203.0.113.8")
        audit.record(ADA, "device.signed_in", ADA, NOW, "Firefox of Ada")
        audit.acting_from.reset(acting)
        audit.record(OLGA, "card.added", "ADA-1", NOW, ADA)
        audit.record(OLGA, "command.requested", "depot-7", NOW, 'start {"id_tag":"ADA-1"}')
        audit.record("address 203.0.113.7", "sign_in.failed", ADA, NOW)
        audit.record(BEN, "device.signed_in", BEN, NOW, "Chrome of Ben")
    set_account_status(publisher, ADA, AccountStatus.ACTIVE, actor=OLGA, now=NOW)
    return number


def everything() -> str:
    """All texts of the database."""
    with models.database.connection_context():
        rows = [row for model in BaseModel.__subclasses__() for row in model.select().tuples()]
    return "\n".join(value for row in rows for value in row if isinstance(value, str))


def test_erasure_leaves_no_trace(lived: int, cast: Cast, run: Run) -> None:
    assert [
        name for name in (ADA, "ADA-1", "ada-1", "of Ada", "203.0", "a-secret-id") if name not in everything()
    ] == []
    result = run("account", "erase", ADA, "--yes")

    assert (result.exit_code, result.output) == (
        0,
        f"The data of {ADA} was erased; the sessions that stay are those of 'erased account {cast.ada}'.\n",
    )
    assert [name for name in ("ada@", "ADA-1", "ada-1", "of Ada", "203.0", "a-secret-id") if name in everything()] == []


def test_each_table_that_can_name_a_person_is_erased(lived: int, run: Run) -> None:
    with models.database.connection_context():
        person = traces.find(ADA)
        assert [model for model in traces.TEXTS if not list(traces.naming(model, person))] == []
    run("account", "erase", ADA, "--yes")
    with models.database.connection_context():
        assert [model for model in traces.TEXTS if list(traces.naming(model, person))] == []


def test_erasure_keeps_what_was_changed_of_the_account(lived: int, publisher: Publisher, cast: Cast, run: Run) -> None:
    set_account_status(publisher, ADA, AccountStatus.STOPPED, actor=OLGA, now=NOW)
    run("account", "erase", ADA, "--yes")
    with models.database.connection_context():
        entry = AuditEntry.get(AuditEntry.action == "account.status_changed")
    assert (entry.actor, entry.target, entry.detail) == (OLGA, f"erased account {cast.ada}", "active to stopped")
    assert audit.verify().problems == ()


def test_erasure_keeps_sessions_for_accounting(lived: int, cast: Cast, run: Run) -> None:
    run("account", "erase", ADA, "--yes")
    after = session(lived)

    assert (after.energy_wh, after.account_id, after.id_tag, after.card_id) == (
        100,
        cast.ada,
        f"erased account {cast.ada}",
        None,
    )
    assert after.final_at is not None
    with models.database.connection_context():
        assert {row.transaction_id for row in TransactionEvent.select()} == {"tx-2"}  # Ben's, without Ada's card
        assert ChargingSession.get(ChargingSession.transaction_id == "tx-2").id_tag == "BEN-1"
        assert EnergyCorrection.get().actor == OLGA
        assert Acknowledgement.get().actor == OLGA


def test_erasure_leaves_cards_of_others_in_lists(lived: int, cast: Cast, run: Run) -> None:
    values = {"charger": cast.charger, "kind": "send-local-list", "state": "accepted", "requested_by": OLGA}
    nested = '{"data":"{\\"idTag\\":\\"ada-1\\",\\"other\\":\\"BEN-1\\"}"}'
    with models.database.connection_context():
        for arguments in ('{"entries":[{"id_tag":"ada-1"},{"id_tag":"BEN-1"}]}', nested):
            Command.create(**values, arguments=arguments, requested_at=NOW, deadline_at=NOW)
    run("account", "erase", ADA, "--yes")

    assert "ada-1" not in everything()
    assert everything().count("BEN-1") > 2
    assert f'[{{"id_tag":"erased account {cast.ada}"}},{{"id_tag":"BEN-1"}}]' in everything()


def test_audit_log_holds_after_erasure(lived: int, cast: Cast, run: Run) -> None:
    kept = audit.verify().head
    run("account", "erase", ADA, "--yes")
    found = audit.verify(kept)

    assert (found.problems, found.has_kept_head) == ((), True)
    with models.database.connection_context():
        words = [(row.actor, row.action, row.target, row.detail) for row in AuditEntry.select().order_by(AuditEntry.id)]
    erased = f"erased account {cast.ada}"
    assert (erased, "device.signed_in", erased, erased) in words
    assert (OLGA, "card.added", erased, erased) in words
    assert (OLGA, "command.requested", "depot-7", erased) in words
    assert (BEN, "device.signed_in", BEN, "Chrome of Ben") in words
    assert words[-1] == ("command line", "account.erased", erased, "11 fields of the audit log")
    assert "203.0.113.8" not in everything()


def test_emptied_field_without_erasure_is_found(lived: int, cast: Cast, run: Run) -> None:
    """Nobody hides a row by emptying it as an erasure does."""
    run("account", "erase", ADA, "--yes")
    with models.database.connection_context():
        entry = AuditEntry.get(AuditEntry.actor == BEN)
        salts = json.loads(entry.salts)
        sealed = audit.audit_chain.seal(salts.pop("actor"), BEN)
        entry.actor, entry.salts, entry.erased = (
            f"erased account {cast.ada}",
            json.dumps(salts),
            json.dumps({"actor": sealed}),
        )
        entry.save()

    (problem,) = audit.verify().problems
    assert problem.text == f"12 fields are emptied for 'erased account {cast.ada}'; its erasure emptied 11."


def test_erased_words_cannot_be_changed(lived: int, run: Run) -> None:
    run("account", "erase", ADA, "--yes")
    with models.database.connection_context():
        entry = AuditEntry.get(AuditEntry.action == "card.added")
        entry.actor = BEN
        entry.save()

    assert [(problem.row_id, problem.text) for problem in audit.verify().problems] == [(entry.id, "was changed.")]


def test_erased_account_cannot_be_used(lived: int, cast: Cast, run: Run, tmp_path: Path) -> None:
    run("account", "erase", ADA, "--yes")

    for name in (ADA, f"erased account {cast.ada}"):
        assert "There is no account" in run("account", "erase", name, "--yes").output
        assert "There is no account" in run("account", "export", name, "--out", str(tmp_path / "never.zip")).output
        assert "There is no account" in run("account", "status", name, "active").output
        assert sign_in(name, "", "Firefox", now=NOW) is None
    assert not (tmp_path / "never.zip").exists()


def test_erasure_refused_while_charging(lived: int, cast: Cast, run: Run) -> None:
    number = cast.start(seconds=600).number
    result = run("account", "erase", ADA, "--yes")

    assert (result.exit_code, result.output) == (
        1,
        f"Error: Session {number} is still in progress. Erase the account when it has ended.\n",
    )
    with models.database.connection_context():
        assert (Account.get_by_id(cast.ada).email, EvCard.select().count(), SignIn.select().count()) == (ADA, 2, 1)


def test_erasure_refused_while_card_of_nobody_charges(lived: int, cast: Cast, run: Run) -> None:
    """A session that began before its card was added to the account has none, and is the person's."""
    with models.database.connection_context():
        number = cast.start(id_tag="NEW-1", seconds=600).number
        EvCard.create(account=cast.ada, id_tag="NEW-1", status="active", created_at=NOW)
    assert f"Session {number} is still in progress" in run("account", "erase", ADA, "--yes").output


def test_interrupted_erasure_is_in_the_audit_log(lived: int, cast: Cast) -> None:
    class Interrupted(Notifications):
        def announce(self, notifications: Iterable[ChangeNotification]) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase(Interrupted(), ADA, actor=OLGA, now=NOW)

    with models.database.connection_context():
        assert Account.get_by_id(cast.ada).status == AccountStatus.SUSPENDED
        newest = AuditEntry.select().order_by(AuditEntry.id.desc()).get()
    said = (OLGA, "account.status_changed", ADA, "active to suspended")
    assert (newest.actor, newest.action, newest.target, newest.detail) == said


def test_erasure_asks_first(lived: int, run: Run) -> None:
    asked = run("account", "erase", ADA)
    assert (asked.exit_code, f"Erase the data of {ADA}?" in asked.output) == (1, True)
    assert ADA in everything()


def test_export_has_all_and_nothing_of_others(lived: int, cast: Cast, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "ada.zip"
    result = run("account", "export", ADA, "--out", str(out))
    with zipfile.ZipFile(out) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    account = json.loads(texts["account.json"])

    assert (result.output, out.stat().st_mode & 0o777) == (f"The data of {ADA} is in {out}.\n", 0o600)
    assert account["account"]["email"] == ADA
    assert [card["id_tag"] for card in account["ev_card"]] == ["ADA-1"]
    assert [row["user_agent"] for row in account["sign_in"]] == ["Firefox of Ada"]
    assert {row["action"] for row in account["audit"]} >= {"device.signed_in", "stop.requested", "account.exported"}
    sessions = list(csv.DictReader(io.StringIO(texts["sessions.csv"])))
    assert (sessions[0]["number"], sessions[0]["energy_wh"], len(sessions)) == (str(lived), "100", 2)
    assert len(texts["meter_reading.csv"].splitlines()) > 3
    assert "a-secret-id" not in "".join(texts.values())
    assert [name for name in (BEN, OLGA, "BEN-1", "of Ben") if name in "".join(texts.values())] == []


def test_export_explains_itself(lived: int, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "ada.zip"
    assert run("account", "export", ADA, "--out", str(out)).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    first = next(csv.DictReader(io.StringIO(texts["sessions.csv"])))

    assert [name for name in texts if f"{name}: " not in texts["README.txt"]] == ["README.txt"]
    assert [name for name, text in texts.items() if name.endswith(".csv") and len(text.splitlines()) < 2] == []
    assert [word for word in ("UTC", "watt-hours", "Left out") if word not in texts["README.txt"]] == []
    assert (first["connector"], first["effective_wh"]) == ("1", "100")
    assert all(first[column] for column in ("charger", "site"))
    assert {"estimated_cost", "currency"} <= first.keys()
    assert export_words.INTERNAL["charging_session"].isdisjoint(first)


def test_internal_columns_exist() -> None:
    tables = {model._meta.table_name: model for model in (ChargingSession, *traces.OF_SESSION)}
    assert export_words.INTERNAL.keys() == tables.keys()
    for name, columns in export_words.INTERNAL.items():
        assert columns <= tables[name]._meta.columns.keys()


SHARED = (
    'send-local-list {"entries":[{"idTag":"ada-1","idTagInfo":{"parentIdTag":"FAMILY-BEN"}},{"idTag":"ben-1"},'
    '{"idTag":"NOBODYS"}]}',
    '{"entries":[{"id_tag":"ADA-1"},{"id_tag":"BEN-1"},{"id_tag":"NOBODYS"}]}',
    '{"idToken":{"idToken":"ADA-1","type":"ISO14443"},"groupIdToken":{"idToken":"FAMILY-BEN","type":"Central"}}',
    '{"idToken":{"idToken":"ADA-1","type":"ISO14443","additionalInfo":[{"additionalIdToken":"FAMILY-BEN"}]}}',
    '{"id_tag":"ADA-1","data":"after ben-1, and (BEN-1). Mail Ben@Example.com; 04:A2:b3:c4 KeyCode:7788"}',
    '{"id_tag":"ADA-1","data":"{\\"idTag\\":\\"NOBODYS\\",\\"x\\":\\"04 a2 b3 c4\\"}"}',
    'BODYS"},{"idTag":"ADA-1"},{"idTag":"NOBODYS"},{"idTag":"NOBO',
    'send-local-list {"entries":[{"idTag":"NOBODYS"},{"idTag":"ada-1"},{"idT',
    '["ADA-1","BEN-1","de-8aa-ca2b3c4d5"]',
)


def test_export_has_nothing_of_others_in_shared_texts(lived: int, cast: Cast, run: Run, tmp_path: Path) -> None:
    values = {"charger": cast.charger, "kind": "send-local-list", "state": "accepted", "requested_by": OLGA}
    with models.database.connection_context():
        for id_tag in ("04A2B3C4", "KEYCODE:7788", "DE8AACA2B3C4D5"):
            EvCard.create(account=cast.ben, id_tag=id_tag, status="active", created_at=NOW)
        for part, text in enumerate(SHARED):
            audit.record(OLGA, "command.requested", "depot-7", NOW, text)
            ChargerNotice.create(charger=cast.charger, topic="x", part=part, payload=text, received_at=NOW)
            UnprocessableFact.create(charger=cast.charger, name="x", reason="", payload=text, received_at=NOW)
            for number in (None, lived):
                Command.create(**values, arguments=text, answer=text, session=number, requested_at=NOW, deadline_at=NOW)
        TransactionEvent.update(payload=SHARED[2]).where(TransactionEvent.transaction_id == "tx-1").execute()
    out = tmp_path / "ada.zip"
    run("account", "export", ADA, "--out", str(out))
    with zipfile.ZipFile(out) as archive:
        texts = "\n".join(archive.read(name).decode() for name in archive.namelist())

    others = (BEN, "BEN-1", "FAMILY", "NOBO", "BODYS", "04A2B3C4", "7788", "CA2B3C4D5", OLGA)
    plain = texts.casefold().replace(":", "").replace(" ", "")
    assert [word for word in others if word.casefold() in plain] == []
    assert texts.count("only in part") > 2
    assert 'send-local-list {\\"entries\\":[{\\"idTag\\":\\"ada-1\\"' in texts


def test_export_replaces_no_file(lived: int, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "ada.zip"
    out.write_text("mine")

    refused = run("account", "export", ADA, "--out", str(out))
    assert (refused.exit_code, "Remove it, or name another file" in refused.output) == (1, True)
    assert out.read_text() == "mine"


def referring(to: type[Model]) -> set[Any]:
    refers = {model for model in BaseModel.__subclasses__() for field in model._meta.refs if field.rel_model is to}
    assert all(isinstance(field, ForeignKeyField) for model in refers for field in model._meta.refs)
    return refers


def test_every_table_of_people_has_a_decision() -> None:
    """A table that refers to accounts or sessions is deleted, or kept and exported."""
    assert referring(Account) == traces.OF_ACCOUNT.keys() | traces.KEPT_OF_ACCOUNT
    # A notice is exported with its account, and deleted.
    assert referring(ChargingSession) | {TransactionEvent} == traces.OF_SESSION | {Notice}

"""The runs of a charger's commissioning: begun, steps left out with a reason, ended with a report that is kept.

Each charger has one open run at most. An open one is judged whenever it is looked at; an ended one is as it ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from peewee import JOIN, IntegrityError

from polaris.administration import Refused
from polaris.administration.chargers import find_charger
from polaris.audit import record
from polaris.commissioning import facts
from polaris.domain import commissioning
from polaris.domain.commissioning import Outcome, Result, Seen, Step, Verdict
from polaris.domain.enums import AccountStatus, ChargerStatus, Role
from polaris.domain.sentences import N_, say
from polaris.models import Account, Bridge, Charger, Commissioning, blocking, database, locked

MAX_REASON_LENGTH = 200
MAX_RUNS = 100  # of a charger, listed and kept


@dataclass(frozen=True, slots=True)
class Run:
    """A run as of the instant that it was read. `reasons` are of the steps that are left out."""

    id: int
    charger_id: int
    identity: str
    name: str
    began_at: datetime
    began_by: str
    ended_at: datetime | None
    firmware: str
    protocol: str
    outcome: str
    verdicts: tuple[Verdict, ...]
    reasons: Mapping[Step, str]
    running: int | None  # the newest session, if it goes on
    connector: int  # that was used last
    last_command: int  # the newest command's id: a press after it is another press
    link_ends_at: datetime | None  # of the link for an electrician, if there is one

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def advice(self, verdict: Verdict) -> str:
        """Say what to do about a step; once the run has ended, about what was wrong alone."""
        return verdict.advice if self.is_open or verdict.result is Result.FAILED or verdict.is_remark else ""

    @property
    def results(self) -> Mapping[Step, Result]:
        return {verdict.step: verdict.result for verdict in self.verdicts}


@blocking
def begin(identity: str, *, actor: str, now: datetime) -> int:
    """Begin a run; return its charger's id. Raise `Refused` if one is open, or the charger is not in service."""
    with database.atomic():
        charger = find_charger(identity)
        if reason := out_of_service(charger):
            raise Refused(reason)
        account = Account.get_or_none(Account.email == actor)
        try:
            with database.atomic():
                Commissioning.create(charger=charger, account=account, began_at=now, began_by=actor)
        except IntegrityError:
            raise Refused(
                say("A run of %(identity)s is open already. End it first.", identity=charger.identity)
            ) from None
        _delete_old(charger.id)
        record(actor, "commissioning.began", charger.identity, now)
    return int(charger.id)


def out_of_service(charger: Charger) -> str:
    """Say why no run of a charger can begin, and what to do; "" if one can."""
    if charger.status == ChargerStatus.ACTIVE:
        return ""
    text = N_("%(identity)s is blocked: unblock it first.")
    is_retired = charger.status == ChargerStatus.RETIRED
    return say(N_("%(identity)s is retired: unblock it first.") if is_retired else text, identity=charger.identity)


@blocking
def skip(identity: str, step: Step, reason: str, *, actor: str, now: datetime) -> int:
    """Leave a step of the open run out, with the reason; "" takes it up again. Return the charger's id."""
    reason = reason.strip()
    if len(reason) > MAX_REASON_LENGTH or not reason.isprintable():
        raise Refused(
            say("A reason has 1 to %(max_reason_length)s characters on one line.", max_reason_length=MAX_REASON_LENGTH)
        )
    with database.atomic():
        row = open_run(identity)
        reasons = _reasons(row)
        before = reasons.pop(step, "")
        if reason:
            reasons[step] = reason
        if before != reason:
            Commissioning.update(skipped=json.dumps(reasons)).where(Commissioning.id == row.id).execute()
            action = "commissioning.step_skipped" if reason else "commissioning.step_taken_up"
            instead = f", instead of: {before}" if before and reason else ""
            record(actor, action, row.charger.identity, now, f"{step}: {reason or before}{instead}")
    return int(row.charger_id)


@blocking
def reason_of(identity: str, step: str) -> str:
    """Return why a step of a charger's open run is left out; "" if it is not, or is no step."""
    with database.atomic():
        return str(json.loads(open_run(identity).skipped).get(step, ""))


@blocking
def end(identity: str, *, actor: str, now: datetime) -> tuple[int, Outcome]:
    """End the open run and keep its report; return the charger's id, and what the report says."""
    with database.atomic():
        row = open_run(identity)
        verdicts = _judged(row, facts.seen(row.charger, row.began_at, now))
        outcome = commissioning.outcome(verdicts)
        Commissioning.update(
            ended_at=now,
            outcome=outcome,
            report=msgspec.json.encode(verdicts, enc_hook=str).decode(),
            firmware=row.charger.firmware,
            protocol=row.charger.protocol,
        ).where(Commissioning.id == row.id).execute()
        record(actor, "commissioning.ended", row.charger.identity, now, outcome)
    return int(row.charger_id), outcome


@blocking
def runs(charger_id: int, now: datetime) -> list[Run]:
    """Return a charger's runs, the newest first; the first may be open."""
    query = _query().where(Commissioning.charger == charger_id).order_by(Commissioning.id.desc()).limit(MAX_RUNS)
    return [_run(row, now) for row in query]


@blocking
def of(identity: str, now: datetime) -> list[Run]:
    """Return the runs of the charger with an identity. Raise `Refused` if there is none."""
    with database.atomic():
        return runs(find_charger(identity).id, now)


def _query() -> Any:
    query = Commissioning.select(Commissioning, Charger, Bridge)
    return query.join(Charger).join(Bridge, JOIN.LEFT_OUTER)


@blocking
def open_id(identity: str) -> int:
    """Return the id of a charger's open run. Raise `Refused` if none is open."""
    with database.atomic():
        return int(open_run(identity).id)


def open_run(identity: str) -> Commissioning:
    """Return the open run of a charger, locked, in the caller's transaction."""
    charger = find_charger(identity)
    is_open = (Commissioning.charger == charger) & Commissioning.ended_at.is_null()
    row: Commissioning | None = locked(Commissioning.select().where(is_open)).first()
    if row is None:
        raise Refused(say("No run of %(identity)s is open.", identity=charger.identity))
    row.charger = charger
    return row


def _run(row: Commissioning, now: datetime) -> Run:
    """Return an open run with its steps as they stand now, an ended one as its report has it."""
    is_open = row.ended_at is None
    seen = facts.seen(row.charger, row.began_at, now) if is_open else None
    running = [session.number for session in seen.tries if not session.is_over] if seen else []
    return Run(
        row.id,
        row.charger_id,
        row.charger.identity,
        row.charger.name,
        row.began_at,
        row.began_by,
        row.ended_at,
        row.charger.firmware if is_open else row.firmware,
        row.charger.protocol if is_open else row.protocol,
        row.outcome,
        _judged(row, seen) if seen else msgspec.json.decode(row.report, type=tuple[Verdict, ...]),
        _reasons(row),
        running[0] if running else None,
        seen.sessions[0].connector if seen and seen.sessions else 1,
        seen.last_command if seen else 0,
        row.link_ends_at if is_open and row.link_hash and _is_operators(row.link_account) else None,
    )


def _is_operators(maker: Account | None) -> bool:
    """Whether a link's maker still lets it open something. The command line, which is no account, does."""
    return maker is None or (maker.role == Role.OPERATOR and maker.status == AccountStatus.ACTIVE)


def _judged(row: Commissioning, seen: Seen) -> tuple[Verdict, ...]:
    return commissioning.judge(seen, row.began_at, _reasons(row))


def _reasons(row: Commissioning) -> dict[Step, str]:
    return {Step(step): reason for step, reason in json.loads(row.skipped).items()}


def _delete_old(charger_id: int) -> None:
    ids = Commissioning.select(Commissioning.id).where(Commissioning.charger == charger_id)
    oldest = ids.order_by(Commissioning.id.desc()).offset(MAX_RUNS).limit(1).scalar()
    if oldest is not None:
        Commissioning.delete().where(Commissioning.charger == charger_id, Commissioning.id <= oldest).execute()

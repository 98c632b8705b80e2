"""Invitations: good once and for a week, whoever tries what with them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from polaris import administration, retention
from polaris.administration import COMMAND_LINE, Refused
from polaris.administration.invitations import LIFETIME, Invited, NoLongerGood, accept, invite, invited, pending
from polaris.domain.enums import AccountStatus, Role
from polaris.models import Account, AuditEntry, Invitation, blocking
from polaris.pubsub import Publisher
from tests.support.cast import PASSWORD

pytestmark = pytest.mark.both_databases

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHO = {"actor": COMMAND_LINE, "now": NOW}
ZOE = "zoe@example.com"
OLGA = "olga@example.com"


@blocking
def stored() -> list[Invitation]:
    return list(Invitation.select())


@blocking
def audit() -> list[tuple[str, str, str]]:
    return [(row.actor, row.action, row.target) for row in AuditEntry.select().order_by(AuditEntry.id)]


def test_accepted_invitation_is_an_active_account(database: None) -> None:
    token = invite("Zoe@Example.com", Role.OPERATOR, **WHO)
    assert invited(token, now=NOW) == Invited(ZOE, Role.OPERATOR, COMMAND_LINE, NOW, NOW + LIFETIME)
    assert invited(token, now=NOW)  # looking at it uses nothing up
    assert accept(token, PASSWORD, now=NOW) == ZOE
    account = Account.get(Account.email == ZOE)
    assert (account.role, account.status) == ("operator", "active")
    assert administration.sign_in(ZOE, PASSWORD, "", now=NOW)
    assert audit()[:2] == [
        (COMMAND_LINE, "invitation.made", ZOE),
        (ZOE, "invitation.accepted", ZOE),
    ]
    assert stored() == []


def test_only_a_hash_is_stored(database: None) -> None:
    token = invite(ZOE, Role.DRIVER, **WHO)
    (row,) = stored()
    assert token not in str(row.__data__)
    with pytest.raises(NoLongerGood):
        invited(row.token_hash, now=NOW)


def test_link_is_good_once(database: None) -> None:
    token = invite(ZOE, Role.DRIVER, **WHO)
    accept(token, PASSWORD, now=NOW)
    for use in (lambda: accept(token, PASSWORD, now=NOW), lambda: invited(token, now=NOW)):
        with pytest.raises(NoLongerGood):
            use()


def test_new_link_replaces_the_earlier(database: None) -> None:
    first = invite(ZOE, Role.OPERATOR, **WHO)
    second = invite(ZOE, Role.DRIVER, **WHO)
    with pytest.raises(NoLongerGood):
        invited(first, now=NOW)
    assert invited(second, now=NOW).role is Role.DRIVER
    assert len(stored()) == 1


def test_link_expires(database: None) -> None:
    token = invite(ZOE, Role.DRIVER, **WHO)
    assert invited(token, now=NOW + LIFETIME - timedelta(seconds=1))
    for at in (NOW + LIFETIME, NOW + timedelta(days=400)):
        with pytest.raises(NoLongerGood):
            accept(token, PASSWORD, now=at)
    assert invite(ZOE, Role.DRIVER, actor=COMMAND_LINE, now=NOW + LIFETIME)


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "a" * 100_000, "' OR 1=1 --"])
def test_forged_link(database: None, token: str) -> None:
    invite(ZOE, Role.DRIVER, **WHO)
    with pytest.raises(NoLongerGood):
        accept(token, PASSWORD, now=NOW)


def test_parallel_acceptance_makes_one_account(database: None) -> None:
    token = invite(ZOE, Role.DRIVER, **WHO)
    outcomes: list[object] = []

    def take() -> None:
        try:
            outcomes.append(accept(token, PASSWORD, now=NOW))
        except NoLongerGood as gone:
            outcomes.append(gone)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(ZOE) == 1
    assert len(outcomes) == 4
    assert [row[1] for row in audit()] == ["invitation.made", "invitation.accepted"]


@pytest.mark.parametrize("password", ["short", "it is zoe@example.com, yes", "password1234"])
def test_bad_password_uses_nothing_up(database: None, password: str) -> None:
    token = invite(ZOE, Role.DRIVER, **WHO)
    with pytest.raises(Refused) as refused:
        accept(token, password, now=NOW)
    assert not isinstance(refused.value, NoLongerGood)
    assert invited(token, now=NOW)


@pytest.mark.parametrize("email", ["", "zoe", "z oe@example.com", "zoe@example.com\0"])
def test_no_address(database: None, email: str) -> None:
    with pytest.raises(Refused, match="is not an e-mail address"):
        invite(email, Role.DRIVER, **WHO)


def test_who_has_an_account_needs_none(database: None) -> None:
    administration.add_account("ada@example.com", PASSWORD, Role.DRIVER, **WHO)
    with pytest.raises(Refused, match=r"There is an account ada@example\.com already"):
        invite("ADA@example.com", Role.OPERATOR, **WHO)
    token = invite(ZOE, Role.DRIVER, **WHO)
    administration.add_account(ZOE, PASSWORD, Role.DRIVER, **WHO)
    with pytest.raises(NoLongerGood):
        accept(token, PASSWORD, now=NOW)
    assert stored() == []


def test_withdrawn(database: None) -> None:
    token = invite(ZOE, Role.DRIVER, **WHO)
    administration.withdraw_invitation("ZOE@example.com", **WHO)
    with pytest.raises(NoLongerGood):
        invited(token, now=NOW)
    with pytest.raises(Refused, match=r"There is no invitation for zoe@example\.com"):
        administration.withdraw_invitation(ZOE, **WHO)
    assert [row[1] for row in audit()] == ["invitation.made", "invitation.withdrawn"]
    assert AuditEntry.get(AuditEntry.action == "invitation.withdrawn").detail == Role.DRIVER


def test_pending(database: None) -> None:
    for number in range(3):
        invite(f"p{number}@example.com", Role.DRIVER, actor=COMMAND_LINE, now=NOW + timedelta(days=number))

    def read(at: datetime) -> list[str]:
        return [row.email for row in pending(2, now=at)]

    assert read(NOW) == ["p0@example.com", "p1@example.com"]
    assert read(NOW + LIFETIME) == ["p1@example.com", "p2@example.com"]


@pytest.mark.parametrize("how", ["suspended", "stopped", "demoted", "erased"])
def test_link_dies_with_its_makers_rights(database: None, publisher: Publisher, how: str) -> None:
    for operator in (OLGA, "otto@example.com"):
        administration.add_account(operator, PASSWORD, Role.OPERATOR, **WHO)
    token = invite(ZOE, Role.OPERATOR, actor=OLGA, now=NOW)
    others = invite("yan@example.com", Role.DRIVER, actor="otto@example.com", now=NOW)
    match how:
        case "erased":
            retention.erase(publisher, OLGA, **WHO)
        case "demoted":
            administration.set_account_role(publisher, OLGA, Role.DRIVER, **WHO)
        case status:
            administration.set_account_status(publisher, OLGA, AccountStatus(status), **WHO)
    for use in (lambda: accept(token, PASSWORD, now=NOW), lambda: invited(token, now=NOW)):
        with pytest.raises(NoLongerGood):
            use()
    assert invited(others, now=NOW)
    assert [row.email for row in stored()] == ["yan@example.com"]


def test_link_stays_dead_when_its_maker_is_back(database: None, publisher: Publisher) -> None:
    for operator in (OLGA, "otto@example.com"):
        administration.add_account(operator, PASSWORD, Role.OPERATOR, **WHO)
    token = invite(ZOE, Role.DRIVER, actor=OLGA, now=NOW)
    changes = [administration.set_account_role(publisher, OLGA, role, **WHO) for role in (Role.DRIVER, Role.OPERATOR)]
    assert changes == [1, 0]
    with pytest.raises(NoLongerGood):
        invited(token, now=NOW)
    rows = [("invitation.withdrawn", ZOE), ("account.role_changed", OLGA), ("account.role_changed", OLGA)]
    assert [(action, target) for _, action, target in audit()][-3:] == rows


def test_maker_that_is_nobody_invites_nobody(database: None) -> None:
    with pytest.raises(NoLongerGood):
        invited(invite(ZOE, Role.DRIVER, actor=OLGA, now=NOW), now=NOW)

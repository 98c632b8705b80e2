"""Second factors without a browser: codes and their times, secrets and their keys, recovery codes, races."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from polaris import administration
from polaris.administration import HalfSignedIn, Refused, SignedIn
from polaris.administration.second_factors import app, changes, factors, recovery_codes
from polaris.administration.second_factors.changes import Owner
from polaris.administration.second_factors.sealing import Sealing
from polaris.administration.second_factors.sign_in import CodeProof, finish_sign_in
from polaris.models import AuditEntry, AuthenticatorApp, RecoveryCode, SignIn
from polaris.pubsub import Publisher
from tests.support.cast import PASSWORD, Cast, Person

NOW = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STEP = timedelta(seconds=30)
SEALING = Sealing(["a-secret-key-only-for-tests-0123456789"])


def code(at: datetime, secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(at)


def signed_in(person: Person, at: datetime = NOW) -> Owner:
    device = administration.sign_in(person.email, PASSWORD, "tests", now=at)
    assert isinstance(device, SignedIn)
    return Owner(device.account_id, device.sign_in_id, device.email)


def add_app(publisher: Publisher, owner: Owner, at: datetime = NOW) -> tuple[str, ...]:
    return changes.add_app(publisher, owner, changes.offer(owner, SECRET, SEALING), code(at), SEALING, now=at)


def finish(person: Person, typed: str, at: datetime) -> SignedIn | None:
    half = administration.sign_in(person.email, PASSWORD, "tests", now=at)
    assert isinstance(half, HalfSignedIn)
    return finish_sign_in(half, CodeProof(typed, SEALING), "tests", now=at)


@pytest.mark.parametrize(("steps_away", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_codes_around_now(steps_away: int, fits: bool) -> None:
    assert (app.matching_step(SECRET, code(NOW + steps_away * STEP), NOW) is not None) is fits


def test_rfc_6238_code() -> None:
    """The RFC's own example has eight digits, of which these are the last six."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert app.matching_step(secret, "287082", datetime.fromtimestamp(59, UTC)) == 1


@pytest.mark.both_databases
def test_no_code_from_before_the_last_one(cast: Cast, publisher: Publisher) -> None:
    add_app(publisher, signed_in(cast.ada))
    assert finish(cast.ada, code(NOW + STEP), NOW) is not None

    assert finish(cast.ada, code(NOW + STEP), NOW + STEP) is None
    assert finish(cast.ada, code(NOW), NOW + STEP) is None
    assert finish(cast.ada, f" {code(NOW + 2 * STEP)[:3]} {code(NOW + 2 * STEP)[3:]} ", NOW + STEP) is not None


def test_sealed_secret_follows_key(cast: Cast, publisher: Publisher) -> None:
    """An older key can be given up once the app was used with the newer one."""
    old, both, new = Sealing(["old" * 11]), Sealing(["old" * 11, "new" * 11]), Sealing(["new" * 11])
    owner = signed_in(cast.ada)
    changes.add_app(publisher, owner, changes.offer(owner, SECRET, old), code(NOW), old, now=NOW)
    half = administration.sign_in(cast.ada.email, PASSWORD, "tests", now=NOW)
    assert isinstance(half, HalfSignedIn)
    proofs = [(new, 1), (both, 1), (old, 2), (new, 2)]

    taken = [
        finish_sign_in(half, CodeProof(code(NOW + n * STEP), key), "tests", now=NOW + n * STEP) is not None
        for key, n in proofs
    ]

    assert taken == [False, True, False, True]


def test_sealed_secret_expires_and_has_one_owner() -> None:
    sealed = SEALING.seal(7, SECRET)
    assert SEALING.unseal(7, sealed, lifetime_s=60) == SECRET
    assert SEALING.unseal(8, sealed) is None
    assert SEALING.unseal(7, sealed, lifetime_s=-1) is None
    assert SEALING.unseal(7, "é") is None


@pytest.mark.both_databases
def test_first_factor_brings_recovery_codes(cast: Cast, publisher: Publisher) -> None:
    owner = signed_in(cast.ada)
    codes = add_app(publisher, owner)
    assert len(set(codes)) == recovery_codes.CODES
    assert len({row.code_hash for row in RecoveryCode.select()}) == recovery_codes.CODES

    assert finish(cast.ada, codes[3], NOW) is not None
    assert finish(cast.ada, codes[3], NOW) is None
    assert factors.factors(owner.account_id).recovery_codes == recovery_codes.CODES - 1


def test_second_app_refused(cast: Cast, publisher: Publisher) -> None:
    owner = signed_in(cast.ada)
    add_app(publisher, owner)
    with pytest.raises(Refused, match="already"):
        add_app(publisher, owner, NOW + STEP)
    assert AuthenticatorApp.select().count() == 1


def test_recovery_codes_need_a_factor(cast: Cast) -> None:
    with pytest.raises(Refused, match="need a passkey"):
        changes.renew_recovery_codes(signed_in(cast.ada), "", now=NOW)


def test_last_factor_kept_by_who_must_have_one(cast: Cast, publisher: Publisher) -> None:
    owner = signed_in(cast.olga)
    add_app(publisher, owner)
    with pytest.raises(changes.LastFactor):
        changes.remove_app(publisher, owner, must_keep_one=True, now=NOW)
    assert factors.has_factor(owner.account_id)
    assert RecoveryCode.select().count() == recovery_codes.CODES
    assert not AuditEntry.select().where(AuditEntry.action == "authenticator_app.removed").exists()


@pytest.mark.both_databases
def test_reset_removes_all_and_signs_out(cast: Cast, publisher: Publisher) -> None:
    owner = signed_in(cast.ada)
    add_app(publisher, owner)
    assert changes.reset(publisher, cast.ada.email, actor="olga@example.com", now=NOW) is True

    assert not factors.factors_of(cast.ada.email)
    assert not RecoveryCode.select().exists()
    assert not SignIn.select().where(SignIn.account == cast.ada.id, SignIn.revoked_at.is_null()).exists()
    entry = AuditEntry.get(AuditEntry.action == "account.factors_reset")
    assert (entry.actor, entry.target) == ("olga@example.com", cast.ada.email)
    assert entry.detail == "passkeys: 0, authenticator apps: 1"
    assert changes.reset(publisher, cast.ada.email, actor="olga@example.com", now=NOW) is False

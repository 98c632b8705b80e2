"""Passkeys (WebAuthn): what a browser is asked, and its answers, checked by the `webauthn` library."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import webauthn
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from polaris.models import Passkey

MAX_PASSKEYS = 10  # of an account
TIMEOUT_MS = 300_000  # for the person: a security key may have to be fetched first
MAX_ID_LENGTH = 1364  # WebAuthn's 1,023 bytes, in base64url


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site, as passkeys know it: browsers offer a passkey to the site that it was made for, and to no other."""

    id: str  # its host
    origin: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge that an answer must sign. It is valid for a short time, and once: see `Passkey.challenged_at`."""

    value: bytes
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """A browser's answer to a challenge: JSON that may hold anything."""

    credential: str
    challenge: Challenge
    site: RelyingParty

    @property
    def credential_id(self) -> str:
        return credential_id(self.credential)


def credential_id(credential: str) -> str:
    """Return the id that a credential claims, "" if there is none."""
    try:
        claimed = json.loads(credential)["id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return claimed.replace("\0", "")[:MAX_ID_LENGTH] if isinstance(claimed, str) else ""


def creation_options(site: RelyingParty, challenge: bytes, account_id: int, email: str, own: Iterable[str]) -> str:
    """Return the options to create a passkey with, as JSON: one that is not on the authenticators of `own` yet."""
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name="Polaris Express",
        user_id=_user_handle(account_id),
        user_name=email,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_descriptors(own),
    )
    return webauthn.options_to_json(options)


def request_options(site: RelyingParty, challenge: bytes, own: Iterable[str], *, alone: bool) -> str:
    """Return the options to ask for a passkey with, as JSON: for one of `own`, or, if it signs in alone, for any."""
    needed = UserVerificationRequirement.REQUIRED if alone else UserVerificationRequirement.PREFERRED
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=_descriptors(own),
        user_verification=needed,
    )
    return webauthn.options_to_json(options)


def created(answer: Answer) -> VerifiedRegistration | None:
    """Check the answer to `creation_options`."""
    try:
        return webauthn.verify_registration_response(
            credential=answer.credential,
            expected_challenge=answer.challenge.value,
            expected_rp_id=answer.site.id,
            expected_origin=answer.site.origin,
        )
    except Exception:  # the library raises errors of its own, of CBOR, of cryptography and of Python
        return None


def use(account_id: int, answer: Answer, now: datetime, *, alone: bool) -> bool:
    """Take an answer to `request_options`, in the caller's transaction; return False if it is not to be trusted."""
    passkey = Passkey.get_or_none(Passkey.account == account_id, Passkey.credential_id == answer.credential_id)
    if passkey is None:
        return False
    verified = _verified(passkey, answer, alone)
    if verified is None:
        return False
    query = Passkey.update(
        sign_count=verified.new_sign_count, last_used_at=now, challenged_at=answer.challenge.made_at
    ).where(Passkey.id == passkey.id, Passkey.challenged_at < answer.challenge.made_at)
    return bool(query.execute())


def owner_id(answer: Answer) -> int | None:
    """Return the account of the passkey that an answer claims to be of, in the caller's transaction."""
    passkey = Passkey.get_or_none(Passkey.credential_id == answer.credential_id)
    return None if passkey is None else passkey.account_id


def columns(registration: VerifiedRegistration) -> dict[str, Any]:
    """Return what is stored of a new passkey."""
    return {
        "credential_id": bytes_to_base64url(registration.credential_id),
        "public_key": bytes_to_base64url(registration.credential_public_key),
        "sign_count": registration.sign_count,
    }


def _verified(passkey: Passkey, answer: Answer, alone: bool) -> VerifiedAuthentication | None:
    try:
        return webauthn.verify_authentication_response(
            credential=answer.credential,
            expected_challenge=answer.challenge.value,
            expected_rp_id=answer.site.id,
            expected_origin=answer.site.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=alone,
        )
    except Exception:  # as in `created`
        return None


def _descriptors(credential_ids: Iterable[str]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(credential_id)) for credential_id in credential_ids]


def _user_handle(account_id: int) -> bytes:
    """Return the account's name for authenticators, which tells nothing to whoever reads it there."""
    return str(account_id).encode()

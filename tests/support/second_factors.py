"""Second factors as people have them: an authenticator app, and a security key in software (WebAuthn, ES256)."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import Any

import cbor2
import pyotp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from flask.testing import FlaskClient
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from werkzeug.test import TestResponse

from polaris.models import AuthenticatorApp, SignIn, blocking
from polaris.web import confirmation
from tests.support import forms
from tests.support.cast import Person, now

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
PAGE = "/account/second-factor"
SECOND_STEP = "/sign-in/second-step"
LONG_AGO = 0


class SecurityKey:
    """One that makes passkeys for any site, and may count their uses."""

    def __init__(self) -> None:
        self.origin = "http://localhost"
        self.verifies = True  # its user, by PIN
        self.counts = True
        self.uses = 0
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}

    def create(self, options: dict[str, Any]) -> str:
        """Answer navigator.credentials.create()."""
        credential_id, key = secrets.token_bytes(16), ec.generate_private_key(ec.SECP256R1())
        self._keys[bytes_to_base64url(credential_id)] = key
        point = key.public_key().public_numbers()
        public_key = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(credential_id).to_bytes(2, "big") + credential_id + cbor2.dumps(public_key)
        data = self._data(options["rp"]["id"], ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": bytes_to_base64url(self._client_data("webauthn.create", options["challenge"])),
            "attestationObject": bytes_to_base64url(attestation),
        }
        return _credential(bytes_to_base64url(credential_id), response)

    def get(self, options: dict[str, Any]) -> str:
        """Answer navigator.credentials.get() with the newest passkey."""
        self.uses += self.counts
        credential_id, key = list(self._keys.items())[-1]
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._data(options["rpId"])
        signature = key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": client_data, "authenticatorData": data, "signature": signature}
        return _credential(credential_id, {name: bytes_to_base64url(value) for name, value in response.items()})

    def _client_data(self, kind: str, challenge: str) -> bytes:
        assert base64url_to_bytes(challenge)
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, rp_id: str, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.uses.to_bytes(4, "big")


def _credential(credential_id: str, response: dict[str, str]) -> str:
    return json.dumps({"id": credential_id, "rawId": credential_id, "type": "public-key", "response": response})


def set_up_app(client: FlaskClient) -> str:
    """Set up the signed-in person's authenticator app; return its secret."""
    secret, sealed = offered_app(client)
    answer = forms.post(client, f"{PAGE}/app", page=f"{PAGE}/app", sealed=sealed, code=pyotp.TOTP(secret).now())
    assert "Recovery codes" in answer.text or answer.status_code == 302, answer.text
    forget_codes()
    return secret


def offered_app(client: FlaskClient) -> tuple[str, str]:
    """The secret that the page offers, plain and sealed."""
    page = client.get(f"{PAGE}/app").text
    secret = re.search(r"secret=([A-Z2-7]+)", page)
    sealed = re.search(r'name="sealed"\s+value="([^"]+)"', page)
    assert secret is not None
    assert sealed is not None
    return secret[1], sealed[1]


def add_passkey(client: FlaskClient, key: SecurityKey) -> TestResponse:
    options = asked(client, f"{PAGE}/passkeys/options", page=f"{PAGE}/passkeys")
    return forms.post(client, f"{PAGE}/passkeys", page=f"{PAGE}/passkeys", credential=key.create(options), name="Key")


def asked(client: FlaskClient, path: str, *, page: str) -> dict[str, Any]:
    """What the browser is to ask an authenticator for."""
    answer = client.post(path, headers={"X-CSRFToken": forms.token(client, page)})
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = answer.json
    return options


def codes_of(page: TestResponse) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"<li>((?:[a-z2-9]{4}-){3}[a-z2-9]{4})</li>", page.text)


def enter_password(client: FlaskClient, person: Person) -> None:
    answer = forms.try_sign_in(client, person.email, person.password)
    assert answer.location == SECOND_STEP, answer.text


def enter_code(client: FlaskClient, code: str) -> TestResponse:
    return forms.post(client, SECOND_STEP, page=SECOND_STEP, code=code)


@blocking
def forget_codes() -> None:
    """Let the time pass in which no code was used."""
    AuthenticatorApp.update(last_step=LONG_AGO).execute()


@blocking
def let_confirmations_expire() -> None:
    """Let so much time pass that a proof is asked for again."""
    SignIn.update(confirmed_at=now() - confirmation.LIFETIME).execute()

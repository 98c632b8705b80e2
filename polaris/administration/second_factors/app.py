"""Authenticator apps (TOTP, RFC 6238): their secrets and codes. A code is taken once, and none before it any more."""

from __future__ import annotations

from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

from polaris.administration.second_factors.sealing import Sealing
from polaris.models import AuthenticatorApp

ISSUER = "Polaris Express"  # the name that apps list the account under
INTERVAL_S = 30
MAX_STEPS_AWAY = 1  # of a phone's clock; each further step is one more code that a guess may hit
NEVER = -1  # the step before any code was used


def new_secret() -> str:
    return pyotp.random_base32()


def uri(secret: str, email: str) -> str:
    """Return the address that an app reads the secret from, as a QR code or a link."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def plain(code: str) -> str:
    """Return a code without the blanks and hyphens that people read and write it with."""
    return "".join(filter(str.isalnum, code.lower()))


def matching_step(secret: str, code: str, now: datetime, *, after: int = NEVER) -> int | None:
    """Return the step that the code belongs to, if it is near to `now` and later than the step `after`."""
    totp = pyotp.TOTP(secret, interval=INTERVAL_S)
    step = totp.timecode(now)
    near = range(max(step - MAX_STEPS_AWAY, after + 1), step + MAX_STEPS_AWAY + 1)
    return next((step for step in near if strings_equal(totp.generate_otp(step), code)), None)


def use_code(account_id: int, code: str, sealing: Sealing, now: datetime) -> bool:
    """Take a code of the account's app, in the caller's transaction; return False if it does not fit or was used."""
    app = AuthenticatorApp.get_or_none(AuthenticatorApp.account == account_id)
    if app is None:
        return False
    secret = sealing.unseal(account_id, app.sealed_secret) or ""
    step = secret and matching_step(secret, code, now, after=app.last_step)
    if not step:
        return False
    newly_sealed = sealing.seal(account_id, secret)  # with the newest key, so that older ones can be given up
    query = AuthenticatorApp.update(last_step=step, last_used_at=now, sealed_secret=newly_sealed)
    is_unused = (AuthenticatorApp.account == account_id, AuthenticatorApp.last_step < step)
    return bool(query.where(*is_unused).execute())

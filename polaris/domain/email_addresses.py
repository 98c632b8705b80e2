"""E-mail addresses in the one form that names an account."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

from email_validator import EmailNotValidError, validate_email


def normal_email(email: str) -> str:
    """Return the one form in which an address is stored, looked up and counted, however it was typed.

    Browsers send a domain such as bücher.example as xn--bcher-kva.example; it is stored in letters. What is not an
    e-mail address has a form, too, and nobody's.
    """
    email = email.replace("\0", "").strip()
    with suppress(EmailNotValidError):
        email = validate_email(email, check_deliverability=False).normalized
    return unicodedata.normalize("NFC", email.lower())


def mailable(email: str) -> str | None:
    """Return an address as every mail server takes it; None if its letters before the @ are none that all take."""
    with suppress(EmailNotValidError):
        return validate_email(email, check_deliverability=False).ascii_email
    return None

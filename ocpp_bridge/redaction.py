"""Redaction of frames: no key and no password reaches the OCPP log.

Secrets are found by the names that OCPP and vendors give them in the configuration messages of any version, and as
passwords and queries in URLs. A frame that seems to hold one and is not JSON is redacted as a whole.
"""

from __future__ import annotations

import json
import re

from polaris.domain.redaction import REDACTED, without_secrets
from polaris.domain.redaction import is_secret as _is_secret

_VALUES = ("value", "attributeValue", "variableAttribute", "data")  # the fields that hold the value of a named setting
_MARKS = ("//", "\\/", "\\u")  # of an address, and of anything that is escaped
_NO_SECRETS = re.compile(  # these carry no configuration, and searching them would be most of the log's cost
    r'\[(?:[26],\s*"[^"\\]*",\s*"(?:Heartbeat|MeterValues|StatusNotification|TransactionEvent)"'
    r'|3,\s*"[^"\\]*",\s*\{(?:"currentTime":"[^"\\]*")?\}\]$)'
)


def strike_out(frame: str) -> str:
    """Return a frame with its secrets redacted; one without secrets is returned unchanged."""
    if _NO_SECRETS.match(frame):
        return frame
    if not (any(mark in frame for mark in _MARKS) or _is_secret(frame)):
        return frame
    try:
        message = json.loads(frame)
        clean = _clean(message)
        return frame if clean == message else json.dumps(clean, separators=(",", ":"))
    except (ValueError, RecursionError):
        return f"{REDACTED} a frame that cannot be read, of {len(frame)} characters"


def _clean(value: object) -> object:
    if isinstance(value, dict):
        names = (value.get("key"), value.get("messageId"), _name(value.get("variable")))
        is_secret = any(_is_secret(name) for name in names)
        return {key: _cleaned(key, inner, is_secret=is_secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return without_secrets(value) if isinstance(value, str) else value


def _cleaned(key: str, value: object, *, is_secret: bool) -> object:
    if (is_secret and key in _VALUES) or _is_secret(key):
        return _struck(value)
    if key == "data" and isinstance(value, str) and _is_secret(value):  # DataTransfer's own text
        return REDACTED
    return _clean(value)


def _struck(value: object) -> object:
    """Redact every text and number in a value, and keep its structure."""
    if isinstance(value, dict):
        return {key: _struck(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_struck(inner) for inner in value]
    return value if value is None or isinstance(value, bool) else REDACTED


def _name(variable: object) -> object:
    return variable.get("name") if isinstance(variable, dict) else variable

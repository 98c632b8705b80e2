"""Signed meter values in the Open Charge Metering Format (OCMF): what they say, and whether their signature fits a key.

A value is `OCMF|{payload}|{signature}`, both parts JSON; the signature is over the payload's bytes exactly as they were
sent. The values are chargers' text: every length is bounded, and nothing here raises for any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Struct

from polaris.domain import meter_keys

MAX_LENGTH = 100_000  # characters; OCPP 2.1 allows 32,768. Much longer texts would hold up the page that checks them
MAX_VALUES = 10  # of one instant; each is verified
MAX_READINGS = 50  # in one value
MAX_FIELD = 40  # characters; a page prints some of them
MAX_QUANTITY = 10**12

_DEFAULT_ALGORITHM = "ECDSA-secp256r1-SHA256"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_FACTOR = {"Wh": 1, "kWh": 1000}
_EXPORT = re.compile(r":(0?2|C[0-3])\.0?8\.")  # OBIS: energy that the car gave back
_CONTINUES = '{}[]",|'  # a line that begins so belongs to the value above it, if that is JSON
_JSON = msgspec.json.Decoder(float_hook=Decimal)


class Verdict(StrEnum):
    FITS = "fits"
    NO_KEY = "no_key"
    DOES_NOT_FIT = "does_not_fit"
    CANNOT_CHECK = "cannot_check"


class Reason(StrEnum):
    """Why a value cannot be checked."""

    NONE = ""
    FORMAT = "format"  # it is not OCMF, or too long
    UNSIGNED = "unsigned"  # it ends before its signature
    ALGORITHM = "algorithm"  # unknown here, or on a curve that is (secp192k1)
    KEY = "key"  # no key that was entered is one for the algorithm


class SignedReading(Struct, frozen=True):
    """One reading of a signed value. A field that was left out is that of the reading before, as OCMF has it."""

    at: datetime | None  # TM: the meter's clock; None if it cannot be read
    clock: str = ""  # TM: S synchronised, I informative, R relative, U unknown
    event: str = ""  # TX: B begin, E end, C charging, and others
    value: Decimal | None = None  # RV
    register: str = ""  # RI: OBIS code
    unit: str = ""  # RU
    status: str = ""  # ST: G good; anything else is a fault of the meter

    @property
    def energy_wh(self) -> Decimal | None:
        """The register of the energy that went to the car, in Wh; None for any other quantity."""
        if self.value is None or self.unit not in _FACTOR or _EXPORT.search(self.register):
            return None
        return self.value * _FACTOR[self.unit]


class SignedValue(Struct, frozen=True):
    """A value taken apart. `payload` is the signed bytes; `signature` is None if it cannot be read."""

    payload: bytes
    algorithm: str
    signature: bytes | None
    readings: tuple[SignedReading, ...]


class Checked(Struct, frozen=True):
    verdict: Verdict
    reason: Reason = Reason.NONE
    value: SignedValue | None = None


def values(signed_data: str) -> list[str]:
    """Return the values of one instant, which `metering.reading` joins with newlines."""
    if len(signed_data) > MAX_LENGTH:
        return [signed_data]
    found: list[list[str]] = []
    opened = ""  # how the value above begins, if it may have further lines
    for line in signed_data.split("\n"):
        begins = line.lstrip()[:1]
        if opened and begins in _CONTINUES and opened + begins != "{{":
            found[-1].append(line)
        elif begins:
            found.append([line])
            opened = begins if begins in "O{" else ""
    return ["\n".join(lines) for lines in found[:MAX_VALUES]]


def verify(signed: str, public_keys: str) -> Checked:
    """Check one value against a charger's keys (`meter_keys.checked`), any of which may be that of its meter."""
    text = _unwrapped(signed) if len(signed) <= MAX_LENGTH else b""
    if not text.startswith(b"OCMF|"):
        return Checked(Verdict.CANNOT_CHECK, Reason.FORMAT)
    if text.count(b"|") < 2:
        return Checked(Verdict.CANNOT_CHECK, Reason.UNSIGNED)
    value = _value(text)
    curve, hash_ = _method(value.algorithm)
    if curve is None or hash_ is None:
        return Checked(Verdict.CANNOT_CHECK, Reason.ALGORITHM, value)
    if not public_keys:
        return Checked(Verdict.NO_KEY, value=value)
    keys = meter_keys.usable(public_keys, curve)
    if not keys:
        return Checked(Verdict.CANNOT_CHECK, Reason.KEY, value)
    fits = any(_fits(value, key, hash_) for key in keys)
    return Checked(Verdict.FITS if fits else Verdict.DOES_NOT_FIT, value=value)


def _unwrapped(text: str) -> bytes:
    """Return a value's own bytes: it may be written in hex or base64, or lie in OCPP's SignedMeterValueType as JSON."""
    text = text.strip()
    if text.startswith("{"):
        inner = _object(text.encode(errors="replace")).get("signedMeterData")
        text = inner.strip() if isinstance(inner, str) else ""
    return text.encode(errors="replace") if text.startswith("OCMF") else meter_keys.decoded(text)


def _object(json: bytes) -> dict[str, object]:
    """Decode a JSON object; one that is unreadable or nested too deep is empty."""
    try:
        found = _JSON.decode(json)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _value(text: bytes) -> SignedValue:
    payload, _, section = text.removeprefix(b"OCMF|").rpartition(b"|")
    signature = _object(section)
    readings = _object(payload).get("RD")
    return SignedValue(
        payload,
        _field(signature, "SA") or _DEFAULT_ALGORITHM,
        _signature(signature),
        tuple(_readings(readings if isinstance(readings, list) else [])),
    )


def _signature(section: dict[str, object]) -> bytes | None:
    """Return the signature in DER. Some meters (eBZ LD3) write its two numbers without the sign that DER wants."""
    decode = meter_keys.from_base64 if _field(section, "SE").lower() == "base64" else bytes.fromhex
    try:
        numbers, after = _element(decode(str(section.get("SD"))), b"\x30")
        r, rest = _element(numbers, b"\x02")
        s, rest = _element(rest, b"\x02")
    except ValueError:
        return None
    return None if rest or after else encode_dss_signature(int.from_bytes(r), int.from_bytes(s))


def _element(der: bytes, tag: bytes) -> tuple[bytes, bytes]:
    """Split the element of this tag from what follows it, and return both. Raise `ValueError` if there is none."""
    begin = 3 if der[1:2] == b"\x81" else 2
    end = begin + int.from_bytes(der[begin - 1 : begin])
    if der[:1] != tag or len(der) < max(begin, end):
        raise ValueError("no such element")
    return der[begin:end], der[end:]


def _method(algorithm: str) -> tuple[ec.EllipticCurve | None, hashes.HashAlgorithm | None]:
    """Return the curve and the hash of an algorithm such as "ECDSA-brainpoolP256r1-SHA256"; None for unknown ones."""
    parts = algorithm.lower().replace("brainpoolp", "brainpool").split("-")
    if len(parts) != 3 or parts[0] != "ecdsa":
        return None, None
    return meter_keys.CURVES.get(parts[1]), _HASHES.get(parts[2])


def _fits(value: SignedValue, key: ec.EllipticCurvePublicKey, hash_: hashes.HashAlgorithm) -> bool:
    if value.signature is None:
        return False
    try:
        key.verify(value.signature, value.payload, ec.ECDSA(hash_))
    except InvalidSignature:
        return False
    return True


def _readings(readings: list[object]) -> Iterator[SignedReading]:
    fields: dict[str, object] = {}
    for reading in readings[:MAX_READINGS]:
        if not isinstance(reading, dict):
            continue
        fields |= {name: reading[name] for name in ("TM", "TX", "RI", "RU", "ST") if name in reading}
        at, _, clock = _field(fields, "TM").partition(" ")
        event, register, unit, status = [_field(fields, name) for name in ("TX", "RI", "RU", "ST")]
        yield SignedReading(_instant(at), clock, event, _number(reading.get("RV")), register, unit, status)


def _field(fields: dict[str, object], name: str) -> str:
    field = fields.get(name)
    return field[:MAX_FIELD] if isinstance(field, str) else ""


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _number(value: object) -> Decimal | None:
    """Read a number, which some meters send as a text with spaces."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value[:MAX_FIELD].strip() if isinstance(value, str) else value)
    except ArithmeticError:
        return None
    return number if number.is_finite() and -MAX_QUANTITY < number < MAX_QUANTITY else None  # abs() could overflow

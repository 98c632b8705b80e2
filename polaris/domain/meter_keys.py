"""Public keys of meters, in the forms in which meters, makers and chargers give them.

A key is whole (a SubjectPublicKeyInfo, which names its curve) or a point X Y, whose curve only a signature names.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from polaris.domain.sentences import Problem, say

MAX_KEYS = 8  # of one charger, which may have a meter for each outlet; each of them is tried
MAX_KEY_LENGTH = 1000  # characters; more than twice the longest key

CURVES: dict[str, ec.EllipticCurve] = {  # as OCMF names them, in lower case and without brainpool's "P"
    "secp192r1": ec.SECP192R1(),
    "secp256r1": ec.SECP256R1(),
    "secp256k1": ec.SECP256K1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
    "brainpool256r1": ec.BrainpoolP256R1(),
    "brainpool384r1": ec.BrainpoolP384R1(),
    "brainpool512r1": ec.BrainpoolP512R1(),
}
_NAMES = {curve.name for curve in CURVES.values()}
_POINT_LENGTHS = {2 * ((curve.key_size + 7) // 8) for curve in CURVES.values()}
_EC_KEY = bytes.fromhex("06072a8648ce3d0201")  # object identifiers, as they stand in a SubjectPublicKeyInfo
_SECP192K1 = bytes.fromhex("06052b8104001f")


class InvalidKey(Problem):
    """A text that is no key of a meter; the message is a sentence that says what is wrong with it."""


def checked(texts: Iterable[str]) -> str:
    """Return a charger's keys as its row has them: a line of hexadecimal digits for each. Raise `InvalidKey`."""
    lines = list(dict.fromkeys(_checked(text).hex() for text in texts))
    if len(lines) > MAX_KEYS:
        raise InvalidKey(say("A charger has at most %(max_keys)s meter keys.", max_keys=MAX_KEYS))
    return "\n".join(lines)


def usable(lines: str, curve: ec.EllipticCurve) -> list[ec.EllipticCurvePublicKey]:
    """Load a charger's keys; a point is taken on `curve`. Those that are none of that curve are left out."""
    raws = [_bytes(line) for line in lines.splitlines()[:MAX_KEYS]]
    return [key for raw in raws if (key := _whole(raw) or _point(raw, curve)) is not None]


def fingerprints(lines: str) -> list[str]:
    """Return the beginning of each key's SHA-256, by which people can compare it: "3f2a 91c0 77d1 02be"."""
    digests = [hashlib.sha256(_bytes(line)).hexdigest() for line in lines.splitlines()]
    return [" ".join(digest[at : at + 4] for at in range(0, 16, 4)) for digest in digests]


def decoded(text: str) -> bytes:
    """Decode hexadecimal digits or base64, with spaces anywhere; anything else is empty."""
    text = "".join(text.split())
    for decode in (bytes.fromhex, from_base64):
        try:
            return decode(text)
        except ValueError:
            continue
    return b""


def from_base64(text: str) -> bytes:
    """Decode base64, padded or not. Raise `ValueError`."""
    return b64decode(text + "=" * (-len(text) % 4), validate=True)


def _checked(text: str) -> bytes:
    raw = _bytes(text)
    if not raw:
        raise InvalidKey(
            say(
                "The key is not hexadecimal or base64 of at most %(max_key_length)s characters.",
                max_key_length=MAX_KEY_LENGTH,
            )
        )
    if _SECP192K1 in raw:
        raise InvalidKey(say("The key is on the curve secp192k1, whose signatures cannot be checked here."))
    if _whole(raw) is not None:
        return raw
    if _EC_KEY in raw:
        raise InvalidKey(say("The key has a wrong or missing digit, or is on a curve that meters do not use."))
    if len(_coordinates(raw)) not in _POINT_LENGTHS:
        raise InvalidKey(
            say("The key has %(length)s bytes: neither a public key for ECDSA in DER nor a point X Y.", length=len(raw))
        )
    if all(_point(raw, curve) is None for curve in CURVES.values()):
        raise InvalidKey(say("The key is a point X Y that is on no curve of its length: a digit is wrong."))
    return raw


def _bytes(text: str) -> bytes:
    """Decode a key as printed on a meter, or as OCPP's publicKey: "oca:base16:asn1:" and the key, perhaps in base64."""
    if len(text) > MAX_KEY_LENGTH:
        return b""
    text = "".join(text.split())
    if not text.startswith("oca:"):
        raw = decoded(text)
        if not raw.startswith(b"oca:"):
            return raw
        text = raw.decode(errors="replace")
    return decoded(text.rpartition(":")[2])


def _whole(raw: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _NAMES else None


def _point(raw: bytes, curve: ec.EllipticCurve) -> ec.EllipticCurvePublicKey | None:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + _coordinates(raw))
    except ValueError:
        return None


def _coordinates(raw: bytes) -> bytes:
    """Return X Y without the 04 that may stand before them."""
    return raw[1:] if len(raw) % 2 and raw.startswith(b"\x04") else raw

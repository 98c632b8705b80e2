"""Keys of meters: each form in which they are given, and what is said of one that is none."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain import meter_keys
from polaris.domain.meter_keys import InvalidKey
from tests.support.ocmf_vectors import KEBA, SECP192K1_KEY

DER = bytes.fromhex(KEBA.key)
POINT = DER[-65:]
PRINTED = f"oca:base16:asn1:{KEBA.key}"


@pytest.mark.parametrize(
    "text",
    [
        KEBA.key,
        KEBA.key.lower(),
        " ".join(KEBA.key[at : at + 4] for at in range(0, len(KEBA.key), 4)),
        base64.b64encode(DER).decode(),
        base64.b64encode(DER).decode().rstrip("="),
        PRINTED,
        f"oca:base64:asn1:{base64.b64encode(DER).decode()}",
        base64.b64encode(PRINTED.encode()).decode(),
    ],
)
def test_each_form_is_the_same_key(text: str) -> None:
    assert meter_keys.checked([text]) == DER.hex()
    assert meter_keys.usable(meter_keys.checked([text]), ec.SECP256R1())


def test_point_taken_on_the_curve_asked_for() -> None:
    for text in (POINT.hex(), POINT[1:].hex()):
        lines = meter_keys.checked([text])
        assert len(meter_keys.usable(lines, ec.SECP256R1())) == 1
        assert meter_keys.usable(lines, ec.SECP256K1()) == meter_keys.usable(lines, ec.SECP384R1()) == []


def test_several_keys_once_each() -> None:
    lines = meter_keys.checked([KEBA.key, POINT.hex(), KEBA.key.lower()])
    assert lines.split() == [DER.hex(), POINT.hex()]
    assert meter_keys.fingerprints(lines)[0] == "a311 ca69 2295 0a95"  # openssl pkey -pubin -outform DER | sha256sum
    assert meter_keys.checked([]) == ""
    assert meter_keys.fingerprints("") == []


def _rsa() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _p224() -> str:
    key = ec.generate_private_key(ec.SECP224R1()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not hexadecimal or base64"),
        ("key!", "not hexadecimal or base64"),
        ("ключ", "not hexadecimal or base64"),
        ("oca:base16:asn1:", "not hexadecimal or base64"),
        ("30" * 501, "at most 1000 characters"),
        (SECP192K1_KEY, "on the curve secp192k1"),
        (_p224(), "a curve that meters do not use"),
        (KEBA.key[:-2], "a wrong or missing digit"),
        (KEBA.key[:-1] + "F", "a wrong or missing digit"),
        (POINT.hex()[:-1] + "f", "on no curve of its length"),
        (POINT.hex()[:-2], "has 64 bytes|on no curve of its length"),
        ("04", "has 1 bytes"),
        (_rsa(), "neither a public key for ECDSA in DER nor a point X Y"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(InvalidKey, match=problem):
        meter_keys.checked([text])


def test_too_many_keys() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(meter_keys.MAX_KEYS + 1)]
    texts = [key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex() for key in keys]
    assert len(meter_keys.checked(texts[1:]).split()) == meter_keys.MAX_KEYS
    with pytest.raises(InvalidKey, match="at most 8 meter keys"):
        meter_keys.checked(texts)


@given(st.text() | st.binary(max_size=200).map(bytes.hex))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        lines = meter_keys.checked([text])
    except InvalidKey:
        return
    assert meter_keys.fingerprints(lines)

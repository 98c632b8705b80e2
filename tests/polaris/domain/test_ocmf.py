"""Signed values: those that meters have published, those of each curve, altered ones, and whatever else may come."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain import meter_keys, ocmf
from polaris.domain.ocmf import Reason, Verdict
from tests.support import ocmf_vectors
from tests.support.ocmf_vectors import KEBA, VECTORS, Vector

ALGORITHMS = [
    "ECDSA-secp192r1-SHA256",
    "ECDSA-secp256r1-SHA256",
    "ECDSA-secp256k1-SHA256",
    "ECDSA-secp384r1-SHA256",
    "ECDSA-secp384r1-SHA384",
    "ECDSA-secp521r1-SHA512",
    "ECDSA-brainpool256r1-SHA256",
    "ECDSA-brainpoolP256r1-SHA256",
    "ECDSA-brainpoolP384r1-SHA384",
    "ECDSA-brainpoolP512r1-SHA512",
]
HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
PAYLOAD = '{"FV":"1.0","PG":"T1","RD":[{"TM":"2026-03-01T12:00:00,000+0100 S","RV":12.5,"RI":"1-0:1.8.0","RU":"kWh"}]}'


class Meter:
    """A meter with a key of its own."""

    def __init__(self, algorithm: str = "ECDSA-secp256r1-SHA256") -> None:
        self.algorithm = algorithm
        _, curve, hash_ = algorithm.split("-")
        self.curve = meter_keys.CURVES[curve.lower().replace("brainpoolp", "brainpool")]
        self.hash = HASHES[hash_]
        self._private = ec.generate_private_key(self.curve)
        public = self._private.public_key()
        self.key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, payload: str = PAYLOAD, encoding: str = "hex") -> str:
        signature = self._private.sign(payload.encode(), ec.ECDSA(self.hash))
        text = signature.hex() if encoding == "hex" else base64.b64encode(signature).decode()
        return f"OCMF|{payload}|" + json.dumps({"SA": self.algorithm, "SE": encoding, "SD": text})


def verdict(signed: str, *keys: str) -> Verdict:
    return ocmf.verify(signed, meter_keys.checked(keys)).verdict


@pytest.mark.field(32)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_published_values_fit(vector: Vector) -> None:
    checked = ocmf.verify(vector.signed, meter_keys.checked([vector.key]))
    assert checked.verdict is Verdict.FITS
    assert checked.value is not None
    assert [r.energy_wh for r in checked.value.readings if r.energy_wh is not None] == list(vector.energies_wh)
    assert ocmf.verify(vector.signed, "").verdict is Verdict.NO_KEY
    assert verdict(vector.signed, Meter().key.hex()) is Verdict.DOES_NOT_FIT


@pytest.mark.field(32)
def test_published_forgery_does_not_fit() -> None:
    assert verdict(ocmf_vectors.KEBA_FORGED, KEBA.key) is Verdict.DOES_NOT_FIT


@pytest.mark.field(32)
def test_secp192k1_cannot_be_checked_and_says_so() -> None:
    for keys in ("", meter_keys.checked([KEBA.key])):
        checked = ocmf.verify(ocmf_vectors.SECP192K1, keys)
        assert (checked.verdict, checked.reason) == (Verdict.CANNOT_CHECK, Reason.ALGORITHM)
        assert checked.value is not None
        assert checked.value.algorithm == "ECDSA-secp192k1-SHA256"
        assert [r.energy_wh for r in checked.value.readings] == [Decimal("3518.24"), Decimal("7010.47")]


@pytest.mark.field(32)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_curve(algorithm: str, encoding: str) -> None:
    meter = Meter(algorithm)
    signed = meter.sign(encoding=encoding)
    bare = meter.point[1:]
    for key in (meter.key.hex(), base64.b64encode(meter.key).decode(), meter.point.hex(), bare.hex().upper()):
        assert verdict(signed, key) is Verdict.FITS
        assert verdict(signed.replace("12.5", "12.4"), key) is Verdict.DOES_NOT_FIT
    assert verdict(signed, Meter(algorithm).point.hex()) is Verdict.DOES_NOT_FIT


@pytest.mark.field(32)
def test_any_flipped_bit_shows() -> None:
    _, payload, section = KEBA.signed.split("|")
    keys = meter_keys.checked([KEBA.key])
    signature = bytes.fromhex(json.loads(section)["SD"])
    for place in range(len(payload)):
        flipped = bytearray(payload.encode())
        flipped[place] ^= 1 << place % 8
        wrapped = (b"OCMF|" + flipped + b"|" + section.encode()).hex()  # some are no longer UTF-8
        assert ocmf.verify(wrapped, keys).verdict is Verdict.DOES_NOT_FIT, place
    for bit in range(8 * len(signature)):
        other = bytearray(signature)
        other[bit // 8] ^= 1 << bit % 8
        altered = f'OCMF|{payload}|{{"SD":"{other.hex()}"}}'
        assert ocmf.verify(altered, keys).verdict is Verdict.DOES_NOT_FIT, bit


@pytest.mark.field(32)
def test_no_character_can_be_changed_unnoticed() -> None:
    """Outside of the payload a change may leave the value as it was (SD in small letters), but never alters it."""
    keys = meter_keys.checked([KEBA.key])
    for place in range(len(KEBA.signed)):
        for character in '0|"':
            checked = ocmf.verify(KEBA.signed[:place] + character + KEBA.signed[place + 1 :], keys)
            if checked.verdict is Verdict.FITS:
                assert checked.value is not None
                assert b"OCMF|" + checked.value.payload + b"|" in KEBA.signed.encode()


def in_json(signed: str) -> str:
    data = base64.b64encode(signed.encode()).decode()
    return json.dumps({"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""})


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "spaces around": lambda signed: f"\n {signed}\n",
    "hex": lambda signed: signed.encode().hex(),
    "upper hex": lambda signed: signed.encode().hex().upper(),
    "base64": lambda signed: base64.b64encode(signed.encode()).decode(),
    "base64 without padding": lambda signed: base64.b64encode(signed.encode()).decode().rstrip("="),
    "SignedMeterValueType": in_json,
}


@pytest.mark.field(32)
@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_wrapped_and_joined(wrap: Callable[[str], str]) -> None:
    meter = Meter()
    formatted = json.dumps(json.loads(PAYLOAD), indent=4)
    first, second = meter.sign(), meter.sign(formatted)
    joined = f"{wrap(first)}\n{wrap(second)}"
    assert [verdict(value, meter.key.hex()) for value in ocmf.values(joined)] == [Verdict.FITS, Verdict.FITS]


def test_foreign_value_beside_one_of_ours() -> None:
    meter = Meter()
    for foreign in ("AP;0;3;ALCV3ABBBISHMA2RYEGAZE3HV5YQBQRAEHAKQBZBK", "<signedMeterValue/>", "0123"):
        for joined in (f"{foreign}\n{meter.sign()}", f"{meter.sign()}\n{foreign}"):
            found = {verdict(value, meter.key.hex()) for value in ocmf.values(joined)}
            assert found == {Verdict.FITS, Verdict.CANNOT_CHECK}


def test_any_of_a_chargers_meters() -> None:
    left, right, other = Meter(), Meter(), Meter("ECDSA-secp384r1-SHA256")
    keys = (left.point.hex(), right.key.hex(), other.key.hex())
    assert [verdict(meter.sign(), *keys) for meter in (left, right, other)] == [Verdict.FITS] * 3
    assert verdict(Meter().sign(), *keys) is Verdict.DOES_NOT_FIT


def test_readings_inherit_left_out_fields() -> None:
    said = [
        {"TM": "2018-07-24T13:22:04,000+0200 S", "TX": "B", "RV": 2935.60, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"},
        {"RV": "     4.5", "RI": "1-0:2.8.0"},
        {"TM": "2018-07-24T13:26:04.000+02:00 R", "TX": "E", "RV": 2936100, "RI": "01-00:01.08.00.FF", "RU": "Wh"},
        {"RV": "  19", "RI": "01-00:00.08.06.FF", "RU": "sec", "ST": "T"},
    ]
    found = ocmf.verify(f"OCMF|{json.dumps({'RD': said})}|{{}}", "").value
    assert found is not None
    begin, back, end, seconds = found.readings
    assert begin == ocmf.SignedReading(
        datetime(2018, 7, 24, 11, 22, 4, tzinfo=UTC), "S", "B", Decimal("2935.6"), "1-b:1.8.0", "kWh", "G"
    )
    assert (back.at, back.value, back.unit, back.energy_wh) == (begin.at, Decimal("4.5"), "kWh", None)
    assert (end.event, end.clock, end.energy_wh, end.status) == ("E", "R", 2936100, "G")
    assert (seconds.energy_wh, seconds.status) == (None, "T")


def test_without_signature() -> None:
    for cut in (f"OCMF|{PAYLOAD}", "OCMF|{}", "OCMF|"):
        assert ocmf.verify(cut, "").reason is Reason.UNSIGNED
    for damaged in (
        "",
        "{}",
        '{"SD":7}',
        '{"SD":"30"}',
        '{"SD":"zz"}',
        '{"SE":"base64","SD":"!"}',
        "[1]",
        '{"SD":null',
    ):
        assert verdict(f"OCMF|{PAYLOAD}|{damaged}", KEBA.key) is Verdict.DOES_NOT_FIT


@pytest.mark.parametrize(
    "algorithm", ["RSA-2048-SHA256", "ECDSA-secp256r1-MD5", "ECDSA", "ECDSA-secp256r1", "-", "x" * 999]
)
def test_unknown_algorithm(algorithm: str) -> None:
    checked = ocmf.verify(
        f"OCMF|{PAYLOAD}|" + json.dumps({"SA": algorithm, "SD": "30"}), meter_keys.checked([KEBA.key])
    )
    assert (checked.verdict, checked.reason) == (Verdict.CANNOT_CHECK, Reason.ALGORITHM)


def test_point_of_another_curve() -> None:
    checked = ocmf.verify(Meter().sign(), meter_keys.checked([Meter("ECDSA-secp256k1-SHA256").point.hex()]))
    assert (checked.verdict, checked.reason) == (Verdict.CANNOT_CHECK, Reason.KEY)


HOSTILE = [
    "",
    "\0",
    "\ud800",
    "OCMF",
    "ocmf|{}|{}",
    "[" * 50_000,
    "OCMF|" + "[" * 40_000 + "|" + '{"a":' * 10_000,
    "OCMF|{}|{}" + "x" * ocmf.MAX_LENGTH,
    "00" * ocmf.MAX_LENGTH,
    "\n" * 50_000,
    "OCMF|\n" + '"\n' * 40_000,
    "{" + "\n{" * 40_000,
    *(
        f'OCMF|{{"RD":{readings}}}|{{}}'
        for readings in (
            '{"RV":1}',
            "[1,null,[],{}]",
            '[{"RV":' + "9" * 9000 + "}]",
            '[{"RV":1e999999999999999999999}]',
            '[{"RV":1e1000000},{"RV":-1e1000000},{"RV":"1e1000000"},{"RV":1e-1000000,"RU":"kWh"}]',
            '[{"RV":"Infinity"},{"RV":"NaN"},{"RV":"sNaN"},{"RV":true},{"RV":"1_0"},{"RV":"' + "9" * 9000 + '"}]',
            '[{"RV":1,"TM":"0001-01-01T00:00:00,000+2300 S"},{"TM":7,"RU":[],"RI":{}}]',
            "[" + '{"RV":1},' * 9000 + "{}]",
        )
    ),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_never_raises(text: str) -> None:
    for signed in [text, *ocmf.values(text)]:
        checked = ocmf.verify(signed, meter_keys.checked([KEBA.key]))
        assert checked.verdict in (Verdict.CANNOT_CHECK, Verdict.DOES_NOT_FIT)
        energies_wh = [reading.energy_wh for reading in checked.value.readings] if checked.value else []
        assert [e for e in energies_wh if e is not None and not -ocmf.MAX_QUANTITY < e / 1000 < ocmf.MAX_QUANTITY] == []
    assert len(ocmf.values(text)) <= ocmf.MAX_VALUES


@given(st.text(), st.text(), st.binary())
def test_any_text_never_raises(payload: str, section: str, raw: bytes) -> None:
    for text in (
        payload,
        f"OCMF|{payload}|{section}",
        raw.hex(),
        (b"OCMF|" + raw + b"|" + section.encode("utf-8", "replace")).hex(),
    ):
        for value in [text, *ocmf.values(text)]:
            assert verdict(value, KEBA.key) in (Verdict.CANNOT_CHECK, Verdict.DOES_NOT_FIT)

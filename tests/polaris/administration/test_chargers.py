"""Chargers added one by one and by file: their keys, and each refusal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from polaris import administration, charger_keys
from polaris.administration import Refused
from polaris.config import Config
from polaris.models import AuditEntry, Charger
from polaris.pubsub import Publisher
from tests.support.ocmf_vectors import EBZ, KEBA, SECP192K1_KEY

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHO = {"actor": "olga@example.com", "now": NOW}
HEADER = "identity,name,password\n"
KEY = "a-key-of-16-or-more"


def audit() -> list[tuple[str, str]]:
    return [(entry.action, entry.target) for entry in AuditEntry.select().order_by(AuditEntry.id)]


@pytest.mark.both_databases
def test_random_key_kept_as_hash(database: None, config: Config) -> None:
    made = administration.add_charger(config.charger_key_secrets, "depot-9", **WHO)

    charger = Charger.get(Charger.identity == "depot-9")
    assert (charger.name, charger.site.name) == ("depot-9", "Main")
    assert made.is_key_made
    assert len(made.key) == 32
    assert charger_keys.matches(
        config.charger_key_secrets, "depot-9", made.key.encode(), charger.key_hash, charger.key_version
    )
    assert made.key not in (charger.key_hash, *(entry.detail for entry in AuditEntry.select()))
    with pytest.raises(Refused, match="There is a charger depot-9 already"):
        administration.add_charger(config.charger_key_secrets, "depot-9", **WHO)
    with pytest.raises(Refused, match="There is no site Nowhere"):
        administration.add_charger(config.charger_key_secrets, "depot-10", site="Nowhere", **WHO)


@pytest.mark.parametrize("identity", ["", " ", "a/b", "a:b", "x" * 49, ".", "..", "a\0", "a\n", "a\u2028"])
def test_identity_no_path_can_carry_refused(database: None, config: Config, identity: str) -> None:
    with pytest.raises(Refused, match="An identity has"):
        administration.add_charger(config.charger_key_secrets, identity, **WHO)


@pytest.mark.field(123)
@pytest.mark.parametrize(
    "identity", ["A", "x" * 48, "CP*1-_=+|@.9", "Depot 7", " a ", "Säule 1", "100%", "%2F", "'\"<&?#"]
)
def test_identity_that_handshake_can_carry(database: None, config: Config, identity: str) -> None:
    assert administration.add_charger(config.charger_key_secrets, identity, **WHO).identity == identity


@pytest.mark.both_databases
def test_identity_that_differs_in_case_alone_is_refused(database: None, config: Config) -> None:
    administration.add_charger(config.charger_key_secrets, "Depot-9", **WHO)
    administration.add_charger(config.charger_key_secrets, "säule", **WHO)
    for identity, other in (("DEPOT-9", "Depot-9"), ("depot-9", "Depot-9"), ("SÄULE", "säule")):
        with pytest.raises(Refused, match=f"There is a charger {other} already, whose identity differs in case alone"):
            administration.add_charger(config.charger_key_secrets, identity, **WHO)
    with pytest.raises(Refused, match=r"Line 3: There is a charger d-1 already"):
        administration.import_chargers(config.charger_key_secrets, [HEADER, "d-1,,\n", "D-1,,\n"], **WHO)


@pytest.mark.parametrize("key", ["x" * 15, "x" * 41, "sixteen chars ok?", "ä" * 16])
def test_misshapen_key_refused(database: None, config: Config, key: str) -> None:
    with pytest.raises(Refused, match="A key has 16 to 40"):
        administration.add_charger(config.charger_key_secrets, "depot-9", key=key, **WHO)


@pytest.mark.parametrize("name", ["\0", "\n\t\n", "x" * 101])
def test_unprintable_name_refused(database: None, config: Config, name: str) -> None:
    with pytest.raises(Refused, match="A name has"):
        administration.add_charger(config.charger_key_secrets, "depot-9", name=name, **WHO)


@pytest.mark.both_databases
def test_import_file(database: None, config: Config) -> None:
    lines = [HEADER, f"d-1,Depot 1,{KEY}\n", "\n", ' d-2 ,"Depot, the 2nd",\n', "d-3,,\n"]

    added = administration.import_chargers(config.charger_key_secrets, lines, **WHO)

    assert [(c.identity, c.name, c.is_key_made) for c in added] == [
        ("d-1", "Depot 1", False),
        ("d-2", "Depot, the 2nd", True),
        ("d-3", "d-3", True),
    ]
    assert added[0].key == KEY
    assert Charger.select().count() == 3
    assert [target for action, target in audit() if action == "charger.added"] == ["d-1", "d-2", "d-3"]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "Line 1: the first line must be identity,name,password"),
        (["identity;name\n"], "Line 1"),
        (
            [HEADER, "a/b,,\n", "d-1,,\n", "d-2\n", "d-1,,\n", "d-3,,short\n"],
            "^Line 2: An identity has .* Line 4: 3 columns .* Line 5: There is a charger d-1 already. Line 6: A key has"
            ".* No charger was added.$",
        ),
        ([HEADER, *["a/b,,\n"] * 25], "^(Line \\d+: .*){20} 5 more lines are wrong. No charger was added.$"),
        ([HEADER, "d-1,Depot 1\n"], "Line 2: 3 columns"),
        ([HEADER, "d-1,Depot 1,,\n"], "Line 2: 3 columns"),
        ([HEADER, "d-1,,\n", "a/b,,\n"], "Line 3: An identity has"),
        ([HEADER, "d-1,,\n", "d-2,,short\n"], "Line 3: A key has"),
        ([HEADER, "d-1,,\n", "d-1,,\n"], "Line 3: There is a charger d-1 already"),
        ([HEADER, "d-1,,\n", 'd-2,"a"b,\n'], "Line 3: not CSV"),
        ([HEADER, "d-1,,\n", f"d-2,{'x' * 200_000},\n"], "Line 3: not CSV"),
    ],
)
def test_faulty_import_file_adds_nothing(database: None, config: Config, lines: list[str], words: str) -> None:
    with pytest.raises(Refused, match=words):
        administration.import_chargers(config.charger_key_secrets, lines, **WHO)

    assert not Charger.select().exists()
    assert audit() == []


def test_file_of_a_spreadsheet(database: None, config: Config) -> None:
    lines = ["identity;name;password\n", "d-1;Hof, links;\n", "\n"]
    (added,) = administration.import_chargers(config.charger_key_secrets, lines, **WHO)
    assert (added.identity, added.name) == ("d-1", "Hof, links")


@pytest.mark.field(123)
def test_import_identity_with_blanks(database: None, config: Config) -> None:
    lines = [HEADER, "Depot 7,,\n", '"a,b",,\n', "Säule 1,,\n"]
    added = administration.import_chargers(config.charger_key_secrets, lines, **WHO)
    assert [charger.identity for charger in added] == ["Depot 7", "a,b", "Säule 1"]


@pytest.mark.field(125)
def test_pings_turned_off_and_on(database: None, config: Config) -> None:
    administration.add_charger(config.charger_key_secrets, "depot-9", **WHO)
    Charger.update(unanswered_pings=3).execute()
    administration.set_pings("depot-9", is_pinged=False, **WHO)
    assert not Charger.get().is_pinged
    assert Charger.get().unanswered_pings == 0
    administration.set_pings("depot-9", is_pinged=True, **WHO)
    assert Charger.get().is_pinged
    assert audit()[-2:] == [("charger.pings_set", "depot-9")] * 2
    with pytest.raises(Refused, match=r"There is no charger nobody\."):
        administration.set_pings("nobody", is_pinged=True, **WHO)


def test_fallback_version_set_and_unset(database: None, config: Config) -> None:
    administration.add_charger(config.charger_key_secrets, "depot-9", **WHO)
    for protocol in ("ocpp1.6", ""):
        administration.set_fallback("depot-9", protocol, **WHO)
        assert Charger.get(Charger.identity == "depot-9").fallback_protocol == protocol
    assert [target for action, target in audit() if action == "charger.fallback_set"] == ["depot-9", "depot-9"]
    with pytest.raises(Refused, match=r"There is no charger nobody\."):
        administration.set_fallback("nobody", "ocpp1.6", **WHO)


@pytest.mark.both_databases
def test_meter_keys_set_and_cleared(database: None, config: Config, publisher: Publisher) -> None:
    administration.add_charger(config.charger_key_secrets, "depot-9", **WHO)
    for keys in ([KEBA.key, EBZ.key], [EBZ.key], []):
        fingerprints = administration.set_meter_keys(publisher, "depot-9", keys, **WHO)
        stored = Charger.get(Charger.identity == "depot-9").meter_public_key
        assert (stored.splitlines(), len(fingerprints)) == ([key.lower() for key in keys], len(keys))
    entries = AuditEntry.select().where(AuditEntry.action == "charger.meter_keys_set").order_by(AuditEntry.id)
    both, one = "a311 ca69 2295 0a95, 24f1 0eec 98eb 5fd5", "24f1 0eec 98eb 5fd5"
    assert [entry.detail for entry in entries] == [f"none to {both}", f"{both} to {one}", f"{one} to none"]


def test_unusable_meter_key_refused(database: None, config: Config, publisher: Publisher) -> None:
    administration.add_charger(config.charger_key_secrets, "depot-9", **WHO)
    before = audit()
    with pytest.raises(Refused, match="on the curve secp192k1"):
        administration.set_meter_keys(publisher, "depot-9", [KEBA.key, SECP192K1_KEY], **WHO)
    with pytest.raises(Refused, match=r"There is no charger nobody\."):
        administration.set_meter_keys(publisher, "nobody", [KEBA.key], **WHO)
    assert Charger.get(Charger.identity == "depot-9").meter_public_key == ""
    assert audit() == before

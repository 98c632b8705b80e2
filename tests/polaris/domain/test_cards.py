"""What a charger is told of a card."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.v201.enums import IdTokenEnumType

from polaris.domain import cards
from polaris.domain.cards import authorize, id_tag, is_expired, normal_id_tag, shown, turned_round
from polaris.domain.enums import AccountStatus as S
from polaris.domain.enums import Authorization as A
from polaris.domain.enums import CardStatus as C


@pytest.mark.parametrize(
    ("card", "account", "is_elsewhere", "expected"),
    [
        (None, None, False, A.INVALID),
        (C.ACTIVE, S.ACTIVE, False, A.ACCEPTED),
        (C.ACTIVE, S.ACTIVE, True, A.CONCURRENT_TX),
        (C.BLOCKED, S.ACTIVE, False, A.BLOCKED),
        (C.ACTIVE, S.STOPPED, False, A.BLOCKED),
        (C.ACTIVE, S.SUSPENDED, False, A.BLOCKED),
        (C.BLOCKED, S.ACTIVE, True, A.BLOCKED),
    ],
)
def test_card_and_account_must_be_active(card, account, is_elsewhere, expected) -> None:
    assert authorize(card, account, is_charging_elsewhere=is_elsewhere) is expected


@pytest.mark.field(135)
def test_blocked_outranks_expired() -> None:
    assert authorize(C.BLOCKED, S.ACTIVE, is_expired=True) is A.BLOCKED
    assert authorize(C.ACTIVE, S.SUSPENDED, is_expired=True) is A.BLOCKED
    assert authorize(C.ACTIVE, S.ACTIVE, is_expired=True, is_charging_elsewhere=True) is A.EXPIRED


@pytest.mark.field(135)
def test_card_expires_at_its_instant() -> None:
    at = datetime(2027, 1, 31, tzinfo=UTC)
    assert [is_expired(at, at + timedelta(seconds=s)) for s in (-1, 0, 1)] == [False, True, True]
    assert not is_expired(None, at)


def test_id_tags_case_insensitive() -> None:
    assert normal_id_tag(" aB12 ") == normal_id_tag("AB12")


@pytest.mark.field(123)
@pytest.mark.parametrize("printed", [" F6 CA 0C C5", "f6:ca:0c:c5", "F6-CA-0C-C5", "F6CA0CC5"])
def test_uid_same_in_every_notation(printed: str) -> None:
    assert normal_id_tag(printed) == "F6CA0CC5"


@pytest.mark.field(133)
@pytest.mark.parametrize("type_", ["eMAID", "", "Central", "ISO14443"])
@pytest.mark.parametrize("token", ["DE-ABC-C12345678-8", "de-abc-c12345678-8", "DEABCC123456788", "DE-ABCC123456788"])
def test_contract_same_however_written(token: str, type_: str) -> None:
    assert normal_id_tag(id_tag(token, type_)) == "DEABCC12345678"
    without_check_digit = normal_id_tag(id_tag(token[:-1].rstrip("-"), type_))
    assert without_check_digit == "DEABCC12345678"
    assert normal_id_tag(id_tag(token[:-1] + "X", type_)) == "DEABCC12345678X"  # not its check digit


@pytest.mark.field(133)
def test_other_tokens_kept_whole() -> None:
    for type_ in ("KeyCode", "Local", "MacAddress", "VIN", "EVCCID"):
        tokens = ("DE-ABC-C12345678-8", "DEABCC123456788", "DEABCC12345678")
        assert len({normal_id_tag(id_tag(token, type_)) for token in tokens}) == 3
    assert normal_id_tag("DE-ABC-1234-X") != normal_id_tag("DEABC1234X")


@pytest.mark.field(123)
@pytest.mark.parametrize(
    "card", ["AB 1", "F6 CA", "F6 CA-0C C5", "F6 CA 0C C", "RDAM|123", "\u00df", "\u0131", "12:34"]
)
def test_other_cards_keep_what_is_inside(card: str) -> None:
    assert normal_id_tag(card) == card


@pytest.mark.field(133)
def test_every_type_known() -> None:
    assert set(map(str, IdTokenEnumType)) - {cards.NO_CARD} <= set(cards.TYPES)


TOKENS = st.tuples(st.text(st.sampled_from("ab1: "), min_size=1), st.sampled_from(["", *cards.TYPES, "ab", "a:"]))
LOOKALIKES = st.tuples(
    st.sampled_from(["KeyCode:1", "keycode :1", "ISO14443:1", "eMAID:KeyCode:1", "Other:ab:1", "1"]),
    st.sampled_from(["", *cards.TYPES, "Other", "ab"]),
)


@pytest.mark.field(133)
@given(TOKENS | LOOKALIKES, TOKENS | LOOKALIKES)
def test_no_token_for_another_types(one: tuple[str, str], two: tuple[str, str]) -> None:
    tags = [normal_id_tag(id_tag(*token)) for token in (one, two)]
    assert tags == [normal_id_tag(tag) for tag in tags]
    if tags[0] == tags[1] != "":
        types = [token[1] if token[1] not in cards.CARD_TYPES else "" for token in (one, two)]
        assert types[0].strip(": ") == types[1].strip(": ")
        assert normal_id_tag(one[0]) == normal_id_tag(two[0])


@pytest.mark.field(133)
@pytest.mark.parametrize(
    ("tag", "type_", "words"),
    [
        ("KEYCODE:1234", "", "1234 (KeyCode)"),
        ("DE*1", "eMAID", "DE*1 (eMAID)"),
        ("OTHER:NEW:1", "Other", "NEW:1 (Other)"),
        ("A\x1b[2J", "", "A\N{REPLACEMENT CHARACTER}[2J"),
        ("ADA-1", "", "ADA-1"),
    ],
)
def test_shown_with_type(tag: str, type_: str, words: str) -> None:
    assert shown(tag, type_) == words


@pytest.mark.parametrize(
    ("tag", "turned"),
    [
        ("04A2B3C4", "C4B3A204"),
        ("04A2B3C4D5E6F7", "F7E6D5C4B3A204"),
        ("0102020101020201", ""),  # the same either way
        ("ADA-1", ""),
        ("04A2", ""),
        ("04a2b3c4", ""),
        ("KEYCODE:04A2B3C4", ""),
    ],
)
def test_bytes_turned_round(tag: str, turned: str) -> None:
    assert turned_round(tag) == turned

"""What a charger is told of a card."""

import pytest

from polaris.domain.cards import authorize, normal_id_tag
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


def test_id_tags_case_insensitive() -> None:
    assert normal_id_tag(" aB12 ") == normal_id_tag("AB12")

"""Contracts' ids and their check digits, by the examples that implementations of eMI3's algorithm share."""

import string

import pytest

from polaris.domain import contract_ids

CHECK_DIGITS = {
    "NN123ABCDEFGHI": "T",
    "FRXYZ123456789": "2",
    "ITA1B2C3E4F5G6": "4",
    "ESZU8WOX834H1D": "R",
    "PT73902837ABCZ": "Z",
    "DE83DUIEN83QGZ": "D",
    "DE83DUIEN83ZGQ": "M",
    "DE8AA001234567": "0",
}


@pytest.mark.field(133)
@pytest.mark.parametrize("contract", CHECK_DIGITS)
def test_only_the_check_digit_left_out(contract: str) -> None:
    for last in string.digits + string.ascii_uppercase:
        expected = contract if last == CHECK_DIGITS[contract] else contract + last
        assert contract_ids.normal(contract + last) == expected
        assert contract_ids.normal(f"{contract[:2]}-{contract[2:5]}-{contract[5:]}-{last}") == expected
    assert contract_ids.normal(contract) == contract


def test_form() -> None:
    for other in (
        "DE8AA00123456",
        "DE8AA001234567890",
        "D18AA001234567",
        "DE-8AA-001-234567",
        "DE8AA00123456\u00c4",
        "",
    ):
        assert not contract_ids.is_contract(other)

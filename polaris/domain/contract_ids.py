"""A contract's id (eMAID, ISO 15118-1 annex H.1) and its check digit, which may be left out.

The check digit is eMI3's ("Check Digit Calculation for Contract-IDs"): a character's place among 0-9 and A-Z stands for
two digits modulo 2 and two modulo 3. Each pair is a row vector, multiplied by a matrix to the power of the character's
position; over an id with its check digit, the sums of both are zero.
"""

from __future__ import annotations

import re

LENGTH = 14  # without check digit
# Country, provider, instance, and the check digit.
_CONTRACT = re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?[A-Z0-9]{9}(?:-?[A-Z0-9])?")


def is_contract(token: str) -> bool:
    """Whether a token, in capital letters, has the form of a contract's id."""
    return _CONTRACT.fullmatch(token) is not None


def normal(contract: str) -> str:
    """Return the form in which contracts' ids are compared: without hyphens and check digit.

    A last character that is not the id's check digit makes it another id.
    """
    contract = contract.replace("-", "")
    return contract[:LENGTH] if len(contract) > LENGTH and _has_check_digit(contract) else contract


def _has_check_digit(contract: str) -> bool:
    """Whether the sums are zero, by Horner's rule from the last character to the first."""
    a = b = c = d = 0
    for character in reversed(contract):
        place = int(character, 36)
        a, b = a + place // 18, b + place // 9 % 2
        c, d = c + place // 3 % 3, d + place % 3
        a, b = b % 2, (a + b) % 2  # by the matrix (0 1, 1 1)
        c, d = d % 3, (c + 2 * d) % 3  # by the matrix (0 1, 1 2)
    return a == b == c == d == 0

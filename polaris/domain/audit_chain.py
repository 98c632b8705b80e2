"""The audit log's chain of hashes: each row holds the hash of the row before it, so that no row changes unnoticed.

The words of a row (its actor, target and detail, and the network address if it has one) enter the chain as seals:
hashes of the words with a random salt. So a person's words can be erased, with their salts, and the chain still holds;
nobody can guess them from the seals.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from polaris.domain.instants import EPOCH, to_microseconds

FIRST = ""  # the previous hash of the first row
WORDS = ("actor", "target", "detail")
ADDRESS = "address"
UNREADABLE = "(unreadable)"
ERASED = "account.erased"  # the action of the row that an erasure leaves
_PSEUDONYM = re.compile(r"erased account \d+")
_COUNT = re.compile(r"(\d+) fields?\b")  # in that row's detail: how many fields of the log it has emptied


class Row(Struct, frozen=True):
    """A row of the audit log. A field is sealed by its salt or, if its words were erased, by the seal that is kept."""

    id: int
    at: datetime
    action: str
    actor: str
    target: str
    detail: str
    salts: Mapping[str, str]
    erased: Mapping[str, str]  # seals of fields that were erased
    previous_hash: str
    hash: str
    address: str = ""  # of the network, from which the actor acted; "" on the command line, and in rows of before


class Problem(Struct, frozen=True):
    """A fault of a row, in a sentence."""

    row_id: int | None  # None: of the log as a whole
    text: str


def seal(salt: str, words: str) -> str:
    """Return the hash of words that only someone who knows the salt can guess."""
    return hashlib.sha256(f"{salt}|{words}".encode("utf-8", "surrogatepass")).hexdigest()


def row_hash(previous_hash: str, at: datetime, action: str, seals: Iterable[str]) -> str:
    """Return a row's hash: SHA-256 over the JSON list of everything in it, and of the hash before."""
    canonical = json.dumps([previous_hash, to_microseconds(at), action, *seals], separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def sealed(row: Row) -> tuple[str, ...]:
    """Return the fields of a row that enter the chain as seals."""
    has_address = row.address or ADDRESS in row.salts or ADDRESS in row.erased
    return (*WORDS, ADDRESS) if has_address else WORDS


def seals(row: Row) -> dict[str, str]:
    """Return the seal of each field that has one."""
    return {
        field: row.erased[field] if field in row.erased else seal(row.salts.get(field, ""), getattr(row, field))
        for field in sealed(row)
    }


def checked(row: Row) -> Row:
    """Return the row. Raise ValueError if it has a value of another type than `record` writes."""
    texts = (row.action, row.actor, row.target, row.detail, row.previous_hash, row.hash, row.address)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is none")
    for words in (row.salts, row.erased):
        if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
            raise ValueError("salts or seals are no object of texts")
    row_hash(row.previous_hash, row.at, row.action, seals(row).values())
    return row


def unreadable(id_: int) -> Row:
    """Return what stands for a row that cannot be read: no hash fits it, and it fits none."""
    return Row(id_, EPOCH, UNREADABLE, "", "", "", {}, {}, UNREADABLE, UNREADABLE)


def pseudonym(account_id: int) -> str:
    """Return the words that stand for a person's, once they are erased."""
    return f"erased account {account_id}"


def problems(rows: Iterable[Row]) -> Iterator[Problem]:
    """Yield what is wrong with a log whose rows come in the order of their ids.

    The removal of the newest rows cannot be found, nor a log that was written again as a whole: for these, the newest
    hash has to be kept elsewhere.
    """
    before: Row | None = None
    emptied: Counter[str] = Counter()
    stated: Counter[str] = Counter()
    for row in rows:
        if row_hash(row.previous_hash, row.at, row.action, seals(row).values()) != row.hash:
            yield Problem(row.id, "was changed.")
        if row.previous_hash != (FIRST if before is None else before.hash):
            yield Problem(row.id, _broken(row, before))
        yield from _wrongly_erased(row)
        emptied.update(getattr(row, field) for field in row.erased if field in sealed(row))
        if row.action == ERASED and (count := _COUNT.search(row.detail)):
            stated[row.target] += int(count[1])
        before = row
    for name in sorted(emptied.keys() | stated.keys()):
        if emptied[name] != stated[name]:
            yield Problem(None, f"{emptied[name]} fields are emptied for {name!r}; its erasure emptied {stated[name]}.")


def _wrongly_erased(row: Row) -> Iterator[Problem]:
    """Yield what no erasure has done: nothing but the kept seal vouches for the words of an erased field."""
    for field in row.erased:
        if field not in (*WORDS, ADDRESS) or not _PSEUDONYM.fullmatch(getattr(row, field)):
            yield Problem(row.id, f"has other words in the emptied {field} than an erasure leaves.")
    if row.action == ERASED and row.erased.keys() & {"target", "detail"}:
        yield Problem(row.id, "says what an erasure has emptied, and was emptied itself.")


def _broken(row: Row, before: Row | None) -> str:
    if before is None:
        return "does not begin the log: the rows before it were removed."
    if row.id > before.id + 1:
        return f"does not follow row {before.id}: what was between them was removed, or row {before.id} was replaced."
    return f"does not follow row {before.id}: one of the two was inserted or replaced."

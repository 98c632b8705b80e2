"""Matters that need a person: found in stored facts by one query a kind, listed, and acknowledged. It knows no front.

What passes is found no more, so that it goes away by itself. Nothing here is stored but what people acknowledged.
"""

from polaris.attention.acknowledgements import UNTIL, UNTIL_TEXTS, Changed, Outcome, acknowledge, prune, take_up
from polaris.attention.item import Action, Item, Note
from polaris.attention.kinds import KINDS, Kind
from polaris.attention.listing import Acknowledged, Attention, Section, get, read
from polaris.attention.mails import said
from polaris.attention.reader import Reader

__all__ = [
    "KINDS",
    "UNTIL",
    "UNTIL_TEXTS",
    "Acknowledged",
    "Action",
    "Attention",
    "Changed",
    "Item",
    "Kind",
    "Note",
    "Outcome",
    "Reader",
    "Section",
    "acknowledge",
    "get",
    "prune",
    "read",
    "said",
    "take_up",
]

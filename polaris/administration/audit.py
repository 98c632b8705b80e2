"""The actor of the command line, the error for a change that is refused, and `record` for the others."""

from __future__ import annotations

from polaris.audit import COMMAND_LINE, record, record_all
from polaris.domain.instants import second_text
from polaris.domain.sentences import Problem, say
from polaris.models import AuditEntry

__all__ = [
    "COMMAND_LINE",
    "NAMES",
    "AlreadySo",
    "Refused",
    "checked_name",
    "last_done",
    "newest",
    "record",
    "record_all",
]

NAMES = 0x706F6C6E  # PostgreSQL's advisory lock of new names: of two who choose the same one at once, one is refused


class Refused(Problem):
    """A change that was not made; its sentence is for the person who asked for it.

    `field` is the argument to blame, "" if it is no single one.
    """

    def __init__(self, sentence: str = "", field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class AlreadySo(Refused):
    """A change that was not made, since all that was asked for is so: after a lost answer it is sent once more."""


def last_done(action: str, target: str) -> str:
    """Say when a change was last made and by whom, in the caller's transaction; "" if it never was."""
    row = newest(action, target)
    return "" if row is None else say("at %(at)s by %(actor)s", at=second_text(row.at), actor=row.actor)


def newest(action: str, target: str) -> AuditEntry | None:
    """Return the newest row of a change, in the caller's transaction."""
    of_target = AuditEntry.select().where(AuditEntry.action == action, AuditEntry.target == target)
    row: AuditEntry | None = of_target.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).first()
    return row


def checked_name(name: str, max_length: int = 100) -> str:
    """Return a name without surrounding spaces. Raise `Refused` if it is empty, too long or not printable."""
    name = name.strip()
    if not name or len(name) > max_length or not name.isprintable():
        raise Refused(say("A name has 1 to %(max_length)s characters, all of them printable.", max_length=max_length))
    return name

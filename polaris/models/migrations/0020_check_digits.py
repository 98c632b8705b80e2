"""Contracts' ids (ISO 15118) without their check digit, as `cards.normal_id_tag` has them from now on.

A card that is there with and without it stays in both; the one without counts, and is blocked if either was.
"""

import re
from typing import Any

from peewee import AutoField, CharField, IntegerField, Model, fn

CHECKED = re.compile(r"[A-Z]{2}[A-Z0-9]{13}")


def has_check_digit(contract: str) -> bool:
    """Whether the last character is eMI3's check digit (see `domain/contract_ids.py`)."""
    a = b = c = d = 0
    for character in reversed(contract):
        place = int(character, 36)
        a, b, c, d = a + place // 18, b + place // 9 % 2, c + place // 3 % 3, d + place % 3
        a, b, c, d = b % 2, (a + b) % 2, d % 3, (c + 2 * d) % 3
    return a == b == c == d == 0


def checked(model: Any, *conditions: Any) -> list[Any]:
    rows = model.select().where(fn.LENGTH(model.id_tag) == 15, *conditions)
    return [row for row in rows if CHECKED.fullmatch(row.id_tag) and has_check_digit(row.id_tag)]


def up(migrator, db):
    class EvCard(Model):
        id = AutoField()
        id_tag = CharField()
        status = CharField()

        class Meta:
            database = db
            table_name = "ev_card"

    class UnknownCard(Model):
        id = AutoField()
        id_tag = CharField()

        class Meta:
            database = db
            table_name = "unknown_card"

    class ChargingSession(Model):
        number = IntegerField(primary_key=True)
        id_tag = CharField()
        state = CharField()

        class Meta:
            database = db
            table_name = "charging_session"

    for card in checked(EvCard):
        id_tag = card.id_tag[:-1]
        other = EvCard.get_or_none(EvCard.id_tag == id_tag)
        if other is None:
            EvCard.update(id_tag=id_tag).where(EvCard.id == card.id).execute()
        elif card.status == "blocked":
            EvCard.update(status="blocked").where(EvCard.id == other.id).execute()
    for card in checked(UnknownCard):  # tapped again, it is listed again
        UnknownCard.delete().where(UnknownCard.id == card.id).execute()
    for session in checked(ChargingSession, ChargingSession.state == "active"):
        ChargingSession.update(id_tag=session.id_tag[:-1]).where(ChargingSession.number == session.number).execute()

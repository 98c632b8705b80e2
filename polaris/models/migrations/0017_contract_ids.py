"""Contracts' ids (ISO 15118) without their hyphens, as `cards.normal_id_tag` has them from now on.

A card that is there in both spellings stays in both; the one without hyphens counts, and is blocked if either was.
"""

import re
from typing import Any

from peewee import AutoField, CharField, IntegerField, Model

CONTRACT = re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?[A-Z0-9]{9}(?:-?[A-Z0-9])?")


def hyphenated(model: Any, *conditions: Any) -> list[Any]:
    rows = list(model.select().where(model.id_tag.contains("-"), *conditions))
    return [row for row in rows if CONTRACT.fullmatch(row.id_tag)]


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

    for card in hyphenated(EvCard):
        id_tag = card.id_tag.replace("-", "")
        other = EvCard.get_or_none(EvCard.id_tag == id_tag)
        if other is None:
            EvCard.update(id_tag=id_tag).where(EvCard.id == card.id).execute()
        elif card.status == "blocked":
            EvCard.update(status="blocked").where(EvCard.id == other.id).execute()
    for card in hyphenated(UnknownCard):  # tapped again, it is listed again
        UnknownCard.delete().where(UnknownCard.id == card.id).execute()
    for session in hyphenated(ChargingSession, ChargingSession.state == "active"):
        id_tag = session.id_tag.replace("-", "")
        ChargingSession.update(id_tag=id_tag).where(ChargingSession.number == session.number).execute()

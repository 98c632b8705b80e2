"""The answer to a start or an end, for repetitions of its message; kept until the charger's next boot."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel


class RememberedAnswer(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)
    message_id = CharField()
    action = CharField()  # `Fact.name`
    payload_hash = CharField()
    number = IntegerField(null=True)
    authorization = CharField(default="")  # enums.Authorization; "" if the message named no card

    class Meta:
        indexes = ((("charger", "message_id", "action", "payload_hash"), True), (("charger", "id"), False))

"""An event of an OCPP 2.x transaction, with its whole payload. The charger numbers a transaction's events."""

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField


class TransactionEvent(BaseModel):
    id = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, index=False)
    transaction_id = CharField()
    seq_no = IntegerField(null=True)  # null if it sent none, or one that another event has
    report = CharField()  # facts.Report
    at = InstantField()  # the charger's clock, if believable
    connector = IntegerField()
    id_tag = CharField(null=True)
    authorization = CharField(default="")  # the answer about the card
    status = CharField()
    reason = CharField()
    is_offline = BooleanField()
    payload = TextField()  # JSON, as it was sent
    received_at = InstantField()

    class Meta:
        indexes = ((("charger", "transaction_id", "seq_no"), True),)

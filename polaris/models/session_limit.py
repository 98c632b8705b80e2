"""A driver's limit of a session. A session names its newest one, and the request to stop at a limit names that."""

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField

from polaris.domain.limit import Limit, LimitKind
from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class SessionLimit(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession)
    kind = CharField()  # limit.LimitKind
    value = BigIntegerField()  # in the unit of limit.Limit
    set_at = InstantField()
    look_at = InstantField(null=True)  # when to look at it though no reading has come; null once it is reached
    asked_at = InstantField(null=True)  # when the charger was last asked for a reading because of it
    asks = IntegerField(default=0)
    is_told = BooleanField(default=False)  # to a charger that keeps limits itself (OCPP 2.1)
    reached_at = InstantField(null=True)  # by the reading or the clock; null as long as it is not
    was_offline = BooleanField(default=False)  # the charger, when it was reached

    def to_domain(self) -> Limit:
        return Limit(LimitKind(self.kind), self.value)

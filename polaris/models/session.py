"""A charging session. `number` is its id on the page and, in OCPP 1.6, its transactionId: positive and never reused."""

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField

from polaris.domain import session
from polaris.domain.enums import SessionState
from polaris.domain.metering import Meter, Piece
from polaris.models.account import Account
from polaris.models.charger import Charger
from polaris.models.database import BaseModel, InstantField
from polaris.models.ev_card import EvCard
from polaris.models.tariff import Tariff


class ChargingSession(BaseModel):
    number = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger, backref="sessions")
    connector = IntegerField()
    id_tag = CharField()
    card_id: int | None
    card = ForeignKeyField(EvCard, null=True, backref="sessions", index=False)
    account_id: int | None
    account = ForeignKeyField(Account, null=True, backref="sessions", index=False)  # its owner, for good
    authorization = CharField()  # words.Authorization: what the charger was told
    tariff_id: int | None
    tariff = ForeignKeyField(Tariff, null=True, index=False)
    start_key = CharField()  # a start that is repeated finds its session by it
    transaction_id = CharField(null=True)  # the charger's own name for it (OCPP 2.x), its alone
    is_start_inferred = BooleanField(default=False)  # made from a later event: the one that began it has not come
    state = CharField()  # words.SessionState
    connector_status = CharField(default="")  # the connector's state while the session lasts
    started_at = InstantField()
    ended_at = InstantField(null=True)
    start_received_at = InstantField()
    end_received_at = InstantField(null=True)
    stop_reason = CharField(default="")
    meter_start_wh = BigIntegerField()
    base_wh = BigIntegerField()
    before_wh = BigIntegerField(default=0)
    earlier_base_wh = BigIntegerField(null=True)
    earlier_before_wh = BigIntegerField(null=True)
    energy_wh = BigIntegerField(default=0)
    interval_wh = BigIntegerField(default=0)  # the sum of the readings that say only what came since the one before
    estimated_wh = BigIntegerField(null=True)  # what an estimate said before the charger's own end replaced it
    power_w = BigIntegerField(null=True)
    soc_percent = IntegerField(null=True)
    last_reading_at = InstantField(null=True)  # the charger's clock
    last_heard_at = InstantField()  # ours
    followed_up_at = InstantField(null=True)  # when the charger was last asked what became of the session
    is_awaiting_end = BooleanField(default=False)  # the charger rebooted, or freed the connector, without an end
    revision = IntegerField(default=1)

    class Meta:
        indexes = (
            (("charger", "start_key"), True),
            (("charger", "transaction_id"), True),
            (("account", "number"), False),
        )

    def values(self) -> session.Session:
        """The session as the domain takes it."""
        return session.Session(
            state=SessionState(self.state),
            started_at=self.started_at,
            meter=Meter(Piece(self.base_wh, self.before_wh), self.energy_wh, self._earlier()),
            ended_at=self.ended_at,
            power_w=self.power_w,
            soc_percent=self.soc_percent,
            last_reading_at=self.last_reading_at,
            stop_reason=self.stop_reason,
            start_wh=self.meter_start_wh,
            interval_wh=self.interval_wh,
        )

    def take(self, values: session.Session) -> None:
        """Set the columns that the domain decides."""
        self.state = values.state
        self.started_at, self.ended_at = values.started_at, values.ended_at
        meter, earlier = values.meter, values.meter.earlier
        self.base_wh, self.before_wh, self.energy_wh = meter.piece.base_wh, meter.piece.before_wh, meter.energy_wh
        self.earlier_base_wh = earlier and earlier.base_wh
        self.earlier_before_wh = earlier and earlier.before_wh
        self.interval_wh = values.interval_wh
        self.power_w, self.soc_percent = values.power_w, values.soc_percent
        self.last_reading_at, self.stop_reason = values.last_reading_at, values.stop_reason

    def _earlier(self) -> Piece | None:
        return None if self.earlier_base_wh is None else Piece(self.earlier_base_wh, self.earlier_before_wh)

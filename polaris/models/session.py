"""A charging session. `number` is its id on the page and, in OCPP 1.6, its transactionId: positive and never reused."""

from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField

from polaris.domain import evidence, session
from polaris.domain.enums import ConnectorStatus, SessionState
from polaris.domain.metering import Meter, Piece
from polaris.models.account import Account
from polaris.models.charger import Charger
from polaris.models.ev_card import EvCard
from polaris.models.fields import BaseModel, InstantField
from polaris.models.tariff import Tariff


class ChargingSession(BaseModel):
    number = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger)
    connector = IntegerField()
    id_tag = CharField()
    card_id: int | None
    card = ForeignKeyField(EvCard, null=True, index=False)
    account_id: int | None
    account = ForeignKeyField(Account, null=True, index=False)  # its owner, which never changes
    authorization = CharField()  # enums.Authorization: the answer to the charger
    tariff_id: int | None
    tariff = ForeignKeyField(Tariff, null=True, index=False)
    start_key = CharField()  # identifies repetitions of the start
    transaction_id = CharField(null=True)  # assigned by the charger (OCPP 2.x); unique for the charger only
    former_transaction_id = CharField(null=True)  # its transaction_id until the charger used that again
    is_start_inferred = BooleanField(default=False)  # OCPP 2.x: its Started event has not arrived
    state = CharField()  # enums.SessionState
    connector_status = CharField(default="")  # the connector's state during the session
    started_at = InstantField()
    ended_at = InstantField(null=True)
    start_received_at = InstantField()
    end_received_at = InstantField(null=True)
    stop_reason = CharField(default="")
    meter_start_wh = BigIntegerField()  # the register as the charger sent it with the start; negative if it sent none
    base_wh = BigIntegerField()  # metering.Piece: the register at which the present piece began,
    before_wh = BigIntegerField(default=0)  # and the energy delivered before it
    earlier_base_wh = BigIntegerField(null=True)  # metering.Meter: the piece before a reset that is not certain yet
    earlier_before_wh = BigIntegerField(null=True)
    energy_wh = BigIntegerField(default=0, null=True)  # delivered in total; null if it is not known
    decided_wh = BigIntegerField(null=True)  # the total that an operator has set, with the charger's own kept beside it
    interval_wh = BigIntegerField(default=0)  # the sum of the interval readings
    estimated_wh = BigIntegerField(null=True)  # the energy of an estimate that the charger's own end has replaced
    power_w = BigIntegerField(null=True)
    soc_percent = IntegerField(null=True)
    last_reading_at = InstantField(null=True)  # the charger's clock
    last_heard_at = InstantField()  # ours
    followed_up_at = InstantField(null=True)  # when the charger was last asked about the session
    is_awaiting_end = BooleanField(default=False)  # the charger rebooted or freed the connector, without an end
    doubted_at = InstantField(null=True)  # the charger's clock: of the evidence that it is over, until a later reading
    revision = IntegerField(default=1)

    @property
    def is_refused(self) -> bool:
        return evidence.is_refusal(self.authorization, self.id_tag, self.transaction_id)

    @property
    def is_idle_refusal(self) -> bool:
        """Whether its card was refused, and nothing shows that energy flows all the same."""
        is_charging = self.state == SessionState.ACTIVE and self.connector_status == ConnectorStatus.CHARGING
        return self.is_refused and not self.energy_wh and not self.power_w and not is_charging

    class Meta:
        indexes = (
            (("charger", "start_key"), True),
            (("charger", "transaction_id"), True),
            (("account", "number"), False),
        )

    def values(self) -> session.Session:
        """Return the session as the domain takes it."""
        return to_domain(self)

    def take(self, values: session.Session) -> None:
        """Set the columns that the domain decides."""
        for column, value in decided_columns(values).items():
            setattr(self, column, value)


def to_domain(row: Any) -> session.Session:
    """Build the domain's session from a model instance, or from a row with the same columns."""
    earlier = None if row.earlier_base_wh is None else Piece(row.earlier_base_wh, row.earlier_before_wh)
    return session.Session(
        state=SessionState(row.state),
        started_at=row.started_at,
        meter=Meter(Piece(row.base_wh, row.before_wh), row.energy_wh, earlier),
        ended_at=row.ended_at,
        power_w=row.power_w,
        soc_percent=row.soc_percent,
        last_reading_at=row.last_reading_at,
        stop_reason=row.stop_reason,
        start_wh=row.meter_start_wh,
        interval_wh=row.interval_wh,
    )


def decided_columns(values: session.Session) -> dict[str, Any]:
    """Return the columns that the domain decides, by name."""
    meter = values.meter
    return {
        "state": values.state,
        "started_at": values.started_at,
        "ended_at": values.ended_at,
        "base_wh": meter.piece.base_wh,
        "before_wh": meter.piece.before_wh,
        "energy_wh": meter.energy_wh,
        "earlier_base_wh": meter.earlier and meter.earlier.base_wh,
        "earlier_before_wh": meter.earlier and meter.earlier.before_wh,
        "interval_wh": values.interval_wh,
        "power_w": values.power_w,
        "soc_percent": values.soc_percent,
        "last_reading_at": values.last_reading_at,
        "stop_reason": values.stop_reason,
    }

"""A charging session. `number` is its id on the page and, in OCPP 1.6, its transactionId: positive and never reused."""

from datetime import datetime
from typing import Any

import msgspec
from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from polaris.domain import energy, evidence, session
from polaris.domain.energy import Meter
from polaris.domain.enums import SessionState
from polaris.domain.instants import to_microseconds
from polaris.domain.limits import DEFAULT_MAX_POWER_W
from polaris.domain.usage import Usage, borders
from polaris.models.account import Account
from polaris.models.charger import Charger
from polaris.models.ev_card import EvCard
from polaris.models.fields import BaseModel, InstantField
from polaris.models.site import Site
from polaris.models.tariff import Tariff

_DECODER = msgspec.json.Decoder(Meter)
_ENCODER = msgspec.json.Encoder()
_STATES = {state: state for state in SessionState}  # by value: calling the enum takes as long as reading the meter
NO_REGISTER = -1  # in `meter_start_wh`
# The energy of a session, wherever it is shown, summed up or priced; null if it is not known.
EFFECTIVE_WH = "COALESCE(charging_session.decided_wh, charging_session.energy_wh)"


class ChargingSession(BaseModel):
    number = AutoField()
    charger_id: int
    charger = ForeignKeyField(Charger)
    site_id: int
    site = ForeignKeyField(Site, index=False)  # where its charger was when it began: prices, clock, accounting
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
    meter = TextField(default="")  # energy.Meter as JSON; "" until the session is rebuilt, after an upgrade
    energy_wh = BigIntegerField(default=0, null=True)  # delivered in total; null if it is not known
    decided_wh = BigIntegerField(null=True)  # the total that an operator has set, with the charger's own kept beside it
    estimated_wh = BigIntegerField(null=True)  # the energy of an estimate that the charger's own end has replaced
    power_w = BigIntegerField(null=True)
    soc_percent = IntegerField(null=True)
    last_reading_at = InstantField(null=True)  # the charger's clock
    last_heard_at = InstantField()  # ours
    followed_up_at = InstantField(null=True)  # when the charger was last asked about the session
    is_awaiting_end = BooleanField(default=False)  # the charger rebooted or freed the connector, without an end
    needs_rebuild = BooleanField(default=False)  # it is long: its figures are made out again after the fact's commit
    doubted_at = InstantField(null=True)  # of the evidence that it is over, until a later reading: the charger's clock
    border_wh = TextField(default="")  # energy by each border of its prices that it has passed: JSON (domain.usage)
    next_border_at = InstantField(null=True)  # the next one; a reading from then on is split by it
    over_at = InstantField(null=True)  # since when the car takes no more, as its charger says
    limit_id = IntegerField(null=True)  # the newest SessionLimit: null if it has none
    revision = IntegerField(default=1)
    final_at = InstantField(null=True)  # from then on nothing late changes it: its readings may be thinned
    is_swept = BooleanField(default=False)  # it keeps what an old session does
    has_days = BooleanField(default=False)  # its rows of session_day are as its figures; never while it goes on

    @property
    def is_refused(self) -> bool:
        return evidence.is_refusal(self.authorization, self.id_tag, self.transaction_id)

    @property
    def is_idle_refusal(self) -> bool:
        """Whether its card was refused, and nothing shows that energy flows all the same."""
        state, status = self.state, self.connector_status
        return self.is_refused and evidence.is_idle(state, status, energy_wh=self.energy_wh, power_w=self.power_w)

    class Meta:
        indexes = (
            (("charger", "start_key"), True),
            (("charger", "transaction_id"), True),
            (("account", "number"), False),
            (("site", "started_at", "number"), False),
        )

    @property
    def effective_wh(self) -> int | None:
        """Return the energy as EFFECTIVE_WH has it."""
        energy_wh: int | None = self.energy_wh if self.decided_wh is None else self.decided_wh
        return energy_wh

    def usage(self, now: datetime) -> Usage:
        """Return what the session's cost depends on, as of its end or, if it goes on, now."""
        return usage_of(self, now, energy_wh=self.effective_wh, metered_wh=self.energy_wh)

    def values(self) -> session.Session:
        """Return the session as the domain takes it."""
        return to_domain(self)

    def take(self, values: session.Session) -> None:
        """Set the columns that the domain decides."""
        for column, value in decided_columns(values).items():
            setattr(self, column, value)
        if self.transaction_id is not None:  # OCPP 2.x: its readings have it
            self.meter_start_wh = NO_REGISTER if values.meter.start_wh is None else values.meter.start_wh


def to_domain(row: Any) -> session.Session:
    """Build the domain's session from a model instance, or from a row with the same columns."""
    return session.Session(
        _STATES[row.state],
        row.started_at,
        _DECODER.decode(row.meter) if row.meter else begun(row),
        row.energy_wh,
        row.ended_at,
        row.power_w,
        row.soc_percent,
        row.last_reading_at,
        row.stop_reason,
    )


def usage_of(row: Any, now: datetime, *, energy_wh: int | None, metered_wh: int | None) -> Usage:
    """Return what a session's cost depends on, of a row with its columns: the energy that counts, and the meter's."""
    return Usage(energy_wh, row.started_at, row.ended_at or now, metered_wh, borders(row.border_wh), row.over_at)


def begun(row: Any, max_power_w: int = DEFAULT_MAX_POWER_W) -> Meter:
    """Return the meter of a stored session as it began."""
    start_wh = row.meter_start_wh if row.transaction_id is None else None  # OCPP 2.x: its readings have it
    return energy.begin(start_wh, to_microseconds(row.started_at), to_microseconds(row.start_received_at), max_power_w)


def decided_columns(values: session.Session) -> dict[str, Any]:
    """Return the columns that the domain decides, by name."""
    return {
        "state": values.state,
        "started_at": values.started_at,
        "ended_at": values.ended_at,
        "meter": _ENCODER.encode(values.meter).decode(),
        "energy_wh": values.energy_wh,
        "power_w": values.power_w,
        "soc_percent": values.soc_percent,
        "last_reading_at": values.last_reading_at,
        "stop_reason": values.stop_reason,
    }

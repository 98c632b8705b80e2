"""A request to stop a session, with a deadline. At most one is open for each session."""

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, IntegerField

from polaris.domain import stop_request
from polaris.domain.enums import StopState
from polaris.models.account import Account
from polaris.models.charger import Charger
from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession
from polaris.models.session_limit import SessionLimit


class StopRequest(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession)
    account_id: int | None
    account = ForeignKeyField(Account, null=True)  # a driver's or operator's; null: the command line
    limit_id: int | None
    limit = ForeignKeyField(SessionLimit, null=True, index=False)  # its cause, unless a person asked for it
    state = CharField()  # enums.StopState
    requested_at = InstantField()
    deadline_at = InstantField()
    decided_at = InstantField()
    attempts = IntegerField(default=1)
    charger_id: int | None
    charger = ForeignKeyField(Charger, null=True, index=False)  # once it was sent, as are the instants below
    sent_at = InstantField(null=True)  # for the first time
    answered_at = InstantField(null=True)  # for the first time, whatever the answer was
    freed_at = InstantField(null=True)  # of the connector, once the session had ended
    is_card_needed = BooleanField(null=True)  # to get the cable then; null if that is not known

    def values(self) -> stop_request.StopProgress:
        """Return the request as the domain takes it."""
        return stop_request.StopProgress(
            StopState(self.state),
            self.requested_at,
            self.deadline_at,
            self.decided_at,
            self.attempts,
            is_at_limit=self.limit_id is not None,
        )

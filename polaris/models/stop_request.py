"""A driver's or operator's request to stop a session, with a deadline. At most one is open for each session."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.domain import stop_request
from polaris.domain.enums import StopState
from polaris.models.account import Account
from polaris.models.fields import BaseModel, InstantField
from polaris.models.session import ChargingSession


class StopRequest(BaseModel):
    id = AutoField()
    session_id: int
    session = ForeignKeyField(ChargingSession)
    account_id: int
    account = ForeignKeyField(Account)
    state = CharField()  # enums.StopState
    requested_at = InstantField()
    deadline_at = InstantField()
    decided_at = InstantField()
    attempts = IntegerField(default=1)

    def values(self) -> stop_request.StopProgress:
        """Return the request as the domain takes it."""
        return stop_request.StopProgress(
            StopState(self.state), self.requested_at, self.deadline_at, self.decided_at, self.attempts
        )

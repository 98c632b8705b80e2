"""A mail that goes out, or went. It holds no secret and no text: what it says is made anew for each attempt."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.domain.mail import MailProgress, MailState
from polaris.models.fields import BaseModel, InstantField
from polaris.models.invitation import Invitation


class Mail(BaseModel):
    id = AutoField()
    invitation_id: int
    invitation = ForeignKeyField(Invitation, unique=True, on_delete="CASCADE")  # the mail goes with what it is about
    recipient = CharField()  # an e-mail address
    nonce = CharField()  # random; with SECRET_KEY it gives the token of the mail's link
    state = CharField(default=MailState.WAITING)
    queued_at = InstantField()
    due_at = InstantField()  # of the next attempt; whoever moves it may make that
    attempts = IntegerField(default=0)
    sent_at = InstantField(null=True)
    answer = CharField(default="")

    def progress(self) -> MailProgress:
        """Return how far it has come, as the domain has it."""
        return MailProgress(MailState(self.state), self.queued_at, self.due_at, self.sent_at, self.answer)

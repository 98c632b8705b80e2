"""A mail that goes out, or went. It holds no secret and no text: what it says is made anew for each attempt."""

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from polaris.domain.mail import MailProgress, MailState
from polaris.models.fields import BaseModel, InstantField
from polaris.models.invitation import Invitation
from polaris.models.notice import Notice
from polaris.models.password_reset import PasswordReset


class Mail(BaseModel):
    id = AutoField()
    # One of these is set. The mail goes with what it is about.
    invitation_id: int | None
    invitation = ForeignKeyField(Invitation, null=True, unique=True, on_delete="CASCADE")
    password_reset_id: int | None
    password_reset = ForeignKeyField(PasswordReset, null=True, unique=True, on_delete="CASCADE")
    notice_id: int | None
    notice = ForeignKeyField(Notice, null=True, unique=True, on_delete="CASCADE")
    recipient = CharField()  # an e-mail address
    language = CharField(default="")  # domain.languages; "": English
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

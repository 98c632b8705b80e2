"""The forms, their fields and validators."""

from __future__ import annotations

from collections.abc import Callable

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Email, Length

from polaris.administration import Refused
from polaris.administration.invitations import NoLongerGood
from polaris.domain.languages import NAMES
from polaris.domain.profile import Profile, Theme
from polaris.rendering.translations import lazy_gettext, said

MAX_NAME_LENGTH = 60  # of a person: a longer one would not fit the sidebar, nor a mail's greeting


class SignInForm(FlaskForm):
    """The sign-in form. It has no rules for passwords: an error must not reveal which part was wrong."""

    email = StringField(
        lazy_gettext("E-mail"), [DataRequired(lazy_gettext("Enter your e-mail address.")), Length(max=320)]
    )
    password = PasswordField(
        lazy_gettext("Password"), [DataRequired(lazy_gettext("Enter your password.")), Length(max=1000)]
    )
    next = HiddenField()


class ForgottenForm(FlaskForm):
    """The form for who has forgotten a password. Whether anybody has the address is not said."""

    email = StringField(
        lazy_gettext("E-mail"),
        [
            DataRequired(lazy_gettext("Enter your e-mail address.")),
            Length(max=320, message=lazy_gettext("This is no e-mail address.")),
            Email(lazy_gettext("This is no e-mail address.")),
        ],
    )


class NewPasswordForm(FlaskForm):
    """The form for a first password. `administration` has the rules for passwords."""

    new = PasswordField(
        lazy_gettext("New password"), [DataRequired(lazy_gettext("Enter a new password.")), Length(max=1000)]
    )

    def is_taken(self, change: Callable[[str], object]) -> bool:
        """Make a change with the new password; if it is refused, say why beside the field. `NoLongerGood` passes."""
        try:
            change(self.new.data or "")
        except NoLongerGood:
            raise
        except Refused as refused:
            self.new.errors = [said(refused.sentence)]
            return False
        return True


class PresentPasswordForm(FlaskForm):
    """The form for who has to show the present password."""

    present = PasswordField(
        lazy_gettext("Present password"), [DataRequired(lazy_gettext("Enter your password.")), Length(max=1000)]
    )


class PasswordForm(PresentPasswordForm, NewPasswordForm):
    """The form for another password."""


class ProfileForm(FlaskForm):
    """The form for what a person chooses for their own pages."""

    name = StringField(
        lazy_gettext("Name"),
        [Length(max=MAX_NAME_LENGTH, message=lazy_gettext("At most 60 characters."))],
        filters=[lambda text: "".join(filter(str.isprintable, " ".join((text or "").split())))],
    )
    language = SelectField(
        lazy_gettext("Language"),
        choices=[
            SelectChoice("", lazy_gettext("As the browser asks for")),
            *(SelectChoice(*item) for item in NAMES.items()),
        ],
    )
    theme = SelectField(
        lazy_gettext("Colours"),
        choices=[
            SelectChoice(Theme.SYSTEM, lazy_gettext("As the device is set")),
            SelectChoice(Theme.LIGHT, lazy_gettext("Light")),
            SelectChoice(Theme.DARK, lazy_gettext("Dark")),
        ],
    )

    @property
    def chosen(self) -> Profile:
        return Profile(self.name.data or "", self.language.data or "", Theme(self.theme.data or ""))

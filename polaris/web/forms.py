"""The forms, their fields and validators."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, Length


class SignInForm(FlaskForm):
    """The sign-in form. It has no rules for passwords: an error must not reveal which part was wrong."""

    email = StringField(
        lazy_gettext("E-mail"), [DataRequired(lazy_gettext("Enter your e-mail address.")), Length(max=320)]
    )
    password = PasswordField(
        lazy_gettext("Password"), [DataRequired(lazy_gettext("Enter your password.")), Length(max=1000)]
    )
    next = HiddenField()


class NewPasswordForm(FlaskForm):
    """The form for a first password. `administration` has the rules for passwords."""

    new = PasswordField(
        lazy_gettext("New password"), [DataRequired(lazy_gettext("Enter a new password.")), Length(max=1000)]
    )


class PasswordForm(NewPasswordForm):
    """The form for another password."""

    present = PasswordField(
        lazy_gettext("Present password"), [DataRequired(lazy_gettext("Enter your password.")), Length(max=1000)]
    )

"""Forms: their fields, and what makes typed-in text fit to look up."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, Length


class SignInForm(FlaskForm):
    """No rule of the password's shape here: what is wrong is not said more closely than that it does not fit."""

    email = StringField(
        lazy_gettext("E-mail"), [DataRequired(lazy_gettext("Enter your e-mail address.")), Length(max=320)]
    )
    password = PasswordField(
        lazy_gettext("Password"), [DataRequired(lazy_gettext("Enter your password.")), Length(max=1000)]
    )
    next = HiddenField()

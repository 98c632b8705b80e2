"""`OPERATOR_MFA`: operators must have a second factor. One without is signed in for setting one up alone."""

from __future__ import annotations

from flask import request
from flask_login import current_user

from polaris.administration import SignedIn
from polaris.administration.second_factors.factors import has_factor
from polaris.domain.enums import Role
from polaris.services import services

OPEN_BLUEPRINTS = ("second_factor", "passkeys", "confirmation")
OPEN_ENDPOINTS = ("auth.sign_out",)


def is_required() -> bool:
    """Return whether the user must have a second factor."""
    return _is_required_of(current_user.role)


def is_due() -> bool:
    """Return whether the user must set a second factor up before anything else."""
    return is_required() and not has_factor(current_user.id)


def must_set_up(signed_in: SignedIn) -> bool:
    """Return whether the request is for what an operator may reach with a second factor only, and has none."""
    if request.blueprint in OPEN_BLUEPRINTS or request.endpoint in OPEN_ENDPOINTS:
        return False
    return _is_required_of(signed_in.role) and not has_factor(signed_in.account_id)


def _is_required_of(role: Role) -> bool:
    return services().config.operator_mfa and role is Role.OPERATOR

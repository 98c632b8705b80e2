"""Which signed-in devices may keep their streams open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from polaris.domain.enums import AccountStatus, Role
from polaris.domain.viewer import Viewer
from polaris.models import Account, SignIn, blocking


@dataclass(frozen=True, slots=True)
class StreamDevice:
    """A signed-in device, as far as streams need to know it."""

    account_id: int
    viewer: Viewer


@blocking
def devices(sign_in_ids: Iterable[str]) -> dict[str, StreamDevice]:
    """Those of the devices that are still signed in."""
    query = (
        SignIn.select(SignIn.id, SignIn.account, Account.role, Account.status)
        .join(Account)
        .where(SignIn.id.in_(list(sign_in_ids)), SignIn.revoked_at.is_null())
    )
    return {
        found.id: StreamDevice(found.account_id, Viewer(Role(found.account.role), AccountStatus(found.account.status)))
        for found in query
    }

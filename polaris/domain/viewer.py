"""The reader of a page."""

from __future__ import annotations

from msgspec import Struct

from polaris.domain.enums import AccountStatus, Role


class Viewer(Struct, frozen=True):
    """The reader of a page, as far as fragments differ by reader: role and account status."""

    role: Role
    status: AccountStatus

    @property
    def may_stop(self) -> bool:
        return self.status is AccountStatus.ACTIVE

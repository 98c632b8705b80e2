"""The reader of a page."""

from __future__ import annotations

from msgspec import Struct

from polaris.domain.enums import AccountStatus, Role


class Viewer(Struct, frozen=True):
    """The role and account status of a page's reader: fragments differ by nothing else."""

    role: Role | None  # None for a wall, which is no account
    status: AccountStatus

    @property
    def may_act(self) -> bool:
        """Whether the account may change more than itself: one that is stopped or suspended may look."""
        return self.status is AccountStatus.ACTIVE

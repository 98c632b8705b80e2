"""Whether the database stores what it is given: a probe for health checks, and for waiting until an outage is over."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime

from peewee import OperationalError

from polaris.models.bridge import Bridge
from polaris.models.connection import blocking, database
from polaris.models.write_turn import FairSqliteDatabase

# Less is as good as full: SQLite's log of one batch may take as much, and then nothing more is stored.
MIN_FREE_BYTES = 1024 * 1024


@blocking
def check_storage() -> None:
    """Write a row and delete it, in one transaction. Raise a database error if that fails or hardly any room is left.

    A probe that only reads would succeed with a full disk.
    """
    if isinstance(database.obj, FairSqliteDatabase):
        disk = os.statvfs(os.path.dirname(database.obj.database) or ".")
        if disk.f_bavail * disk.f_frsize < MIN_FREE_BYTES:
            raise OperationalError("the disk is full but for a reserve")
    past = datetime(2000, 1, 1, tzinfo=UTC)
    with database.atomic():
        probe = Bridge.create(id=f"probe-{uuid.uuid4().hex}", started_at=past, lease_until_at=past)
        probe.delete_instance()

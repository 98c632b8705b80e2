"""Storage that fills up: the disks of the database and of the OCPP log, and bounded tables that are full."""

from __future__ import annotations

import os
import platform

from polaris.attention.item import Item, Search
from polaris.domain.sentences import N_, say
from polaris.ingest import refused_handshakes
from polaris.models import UnrecognisedCharger

STORAGE = "storage"

MIN_FREE_BYTES = 2 * 1024**3
LEVELS_FREE_BYTES = (MIN_FREE_BYTES // 2, MIN_FREE_BYTES // 10)  # less than each is worse


def storage(search: Search) -> list[Item]:
    """Return the disks with little room, and the tables whose oldest rows give way to new ones."""
    disks = {os.stat(directory).st_dev: directory for directory in search.directories if os.path.isdir(directory)}
    return [item for directory in disks.values() if (item := _disk(directory))] + _refused()


def _disk(directory: str) -> Item | None:
    disk = os.statvfs(directory)
    free = disk.f_bavail * disk.f_frsize
    if free >= MIN_FREE_BYTES:
        return None
    return Item(
        STORAGE,
        f"{platform.node()}:{directory}",
        (
            say("%(free)s MB of its disk are free. When it is full, chargers get no answers.", free=free // 1024**2),
            say("Make room on it, or keep less: FRAMES_MB, FRAMES_DAYS, READINGS_DAYS."),
        ),
        level=1 + sum(free < limit for limit in LEVELS_FREE_BYTES),
        name=f"{platform.node()}:{directory}",
    )


def _refused() -> list[Item]:
    if UnrecognisedCharger.select().count() < refused_handshakes.MAX_ROWS:
        return []
    text = N_("The list of refused handshakes is full: the oldest give way. Somebody may be trying identities.")
    return [Item(STORAGE, "refused", (say(text),), name="unrecognised_charger")]

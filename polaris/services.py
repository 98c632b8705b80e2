"""What a request or command finds in the app: the settings, and the one bus, ingest and log reader of the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from polaris.bus import Bus
from polaris.config import Config
from polaris.frames.tail import Tails
from polaris.ingest import Ingest

NAME = "polaris"  # among the app's extensions


@dataclass(frozen=True, slots=True)
class Services:
    config: Config
    bus: Bus
    ingest: Ingest
    tails: Tails  # of the log of frames


def services() -> Services:
    """The services of the app that is running this request or command."""
    return cast(Services, current_app.extensions[NAME])

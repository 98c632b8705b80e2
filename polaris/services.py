"""Services of the app: the settings and the one publisher, ingest and log reader of the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app

from polaris.attention import Reader
from polaris.config import Config
from polaris.database_watch import DatabaseWatch
from polaris.domain.fleet_query import Query
from polaris.ingest import Ingest
from polaris.ocpp_log.tail import Tails
from polaris.pubsub import Publisher

NAME = "polaris"  # the key in app.extensions


@dataclass(frozen=True, slots=True)
class Services:
    config: Config
    publisher: Publisher
    ingest: Ingest
    tails: Tails  # readers of the log of frames
    database: DatabaseWatch
    attention: Reader
    matching: Callable[[Query, datetime], list[int]]  # the chargers that a filter of the fleet finds, by their ids

    def close(self) -> None:
        """End their threads and connections."""
        self.database.close()
        self.publisher.close()


def services() -> Services:
    """Return the services of the app that runs the present request or command."""
    return cast(Services, current_app.extensions[NAME])

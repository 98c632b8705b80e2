"""Owns what a charger tells, without a charger: facts stored as the bridge would store them, from now on the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from polaris.domain.facts import ChargerConnected, ConnectorStatusChanged, SessionEnded, SessionMetered, SessionStarted
from polaris.domain.metering import Reading
from polaris.ingest import Ingest
from tests.support.cast import ChargerInfo


@dataclass(frozen=True)
class Charging:
    """A charger that is connected, and what it says."""

    ingest: Ingest
    charger: ChargerInfo

    def connect(self) -> None:
        self.ingest.renew_lease("bridge-of-tests", datetime.now(UTC))
        self._store(
            ChargerConnected(bridge_id="bridge-of-tests", connection_id="1", protocol="ocpp1.6", **self._base())
        )

    def start(self, id_tag: str, *, connector: int = 1) -> int:
        """Start a session; return its number."""
        fact = SessionStarted(
            connector=connector, id_tag=id_tag, at=datetime.now(UTC), meter_start_wh=1000, **self._base()
        )
        (started,) = self.ingest.store([fact], datetime.now(UTC))
        assert started is not None
        return started.number

    def meter(self, number: int, register_wh: int | None, *, at: datetime | None = None, **values: Any) -> None:
        reading = Reading(at or datetime.now(UTC), register_wh=register_wh, **values)
        self._store(SessionMetered(connector=1, number=number, readings=(reading,), **self._base()))

    def status(self, status: str, *, connector: int = 1) -> None:
        self._store(
            ConnectorStatusChanged(
                connector=connector, status=status, error_code="NoError", info="", at=datetime.now(UTC), **self._base()
            )
        )

    def end(self, number: int, meter_stop_wh: int, *, reason: str = "Remote") -> None:
        self._store(
            SessionEnded(
                number=number,
                at=datetime.now(UTC),
                meter_stop_wh=meter_stop_wh,
                reason=reason,
                id_tag=None,
                readings=(),
                **self._base(),
            )
        )

    def _store(self, fact: Any) -> None:
        self.ingest.store([fact], datetime.now(UTC))

    def _base(self) -> dict[str, Any]:
        return {"charger_id": self.charger.id, "received_at": datetime.now(UTC)}

"""Numbers of connectors. In OCPP 2.x an EVSE's first connector has the EVSE's id, on which transactions run."""

from __future__ import annotations

STEP = 1000  # added for each further connector of an EVSE; a charger has fewer EVSEs


def number(evse_id: int, connector_id: int) -> int:
    """Return the number of an EVSE's connector (OCPP 2.x)."""
    return evse_id + STEP * max(0, connector_id - 1)


def evse_id(connector: int) -> int:
    """Return the EVSE of a connector's number."""
    return connector % STEP

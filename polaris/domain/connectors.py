"""Numbers of connectors, and the spelling of their states.

In OCPP 2.x an EVSE's first connector has the EVSE's id, on which transactions run.
"""

from __future__ import annotations

from polaris.domain.enums import ConnectorStatus
from polaris.domain.spelling import letters

STEP = 1000  # added for each further connector of an EVSE; a charger has fewer EVSEs
MAX_CONNECTORS = 8  # of an EVSE, of which one at a time is in use

MAX_NUMBER = 100  # of a charger's connectors or EVSEs unless an operator sets more: each has a row, and one on pages
MAX_SETTABLE = STEP - 1

NO_ERROR = "NoError"  # OCPP 1.6 §7.6

_SPELLED = frozenset({"", *ConnectorStatus})
_STATES = {state.casefold(): state.value for state in ConnectorStatus}


def number(evse_id: int, connector_id: int) -> int:
    """Return the number of an EVSE's connector (OCPP 2.x)."""
    return evse_id + STEP * max(0, connector_id - 1)


def evse_id(connector: int) -> int:
    """Return the EVSE of a connector's number."""
    return connector % STEP


def further(connector: int) -> list[int]:
    """Return the numbers of the further connectors of an EVSE, whose own is its first one's."""
    return [connector + STEP * step for step in range(1, MAX_CONNECTORS)]


def is_within(connector: int, max_number: int) -> bool:
    """Return whether a connector's number is one that a charger may have."""
    return 0 <= connector < STEP * MAX_CONNECTORS and evse_id(connector) <= max_number


def state(text: str) -> str:
    """Return a state as OCPP spells it: chargers write `available` or `SUSPENDED_EV`. Any other stays as it came."""
    if text in _SPELLED:
        return text
    return _STATES.get(letters(text), text)

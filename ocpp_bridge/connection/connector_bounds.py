"""The bound of connectors' numbers: a charger that makes them up would fill the database and its pages."""

from __future__ import annotations

from msgspec.structs import replace

from ocpp_bridge.ocppj import CallRefused, Fault
from ocpp_bridge.versions.base import Needs
from polaris.domain.connectors import is_within
from polaris.domain.facts import ChargerNotified, ConnectorStatusChanged, Report, SessionReported, SessionStarted

OF_CONNECTOR = (ConnectorStatusChanged, SessionStarted, SessionReported)


def checked(needs: Needs, max_connectors: int) -> Needs:
    """Return a fact, without the states of connectors beyond the bound; raise `CallRefused` if it is of such a one.

    Readings and ends are never refused: their session is the charger's own. What they say of its place is left out.
    """
    if isinstance(needs, OF_CONNECTOR) and not is_within(needs.connector, max_connectors):
        if isinstance(needs, SessionReported) and needs.report is not Report.STARTED:
            return replace(needs, connector=0)
        raise CallRefused(Fault.VALUE, f"A connector or EVSE has a number up to {max_connectors}.")
    if isinstance(needs, ChargerNotified) and needs.states:
        states = tuple(state for state in needs.states if is_within(state.connector, max_connectors))
        return needs if len(states) == len(needs.states) else replace(needs, states=states)
    return needs

"""Security events (OCPP 1.6 security whitepaper; 2.x): they are kept by their types, and critical ones are logged."""

from __future__ import annotations

import logging

from ocpp_bridge.versions.base import IncomingCall, Payload
from ocpp_bridge.versions.notifications import notified
from polaris.domain.facts import ChargerNotified
from polaris.domain.security_events import CRITICAL, topic

MAX_LOGGED_LENGTH = 100  # a charger could fill the log with longer texts

log = logging.getLogger(__name__)


class SecurityEvent(Payload):
    """The fields of a SecurityEventNotification that every version has."""

    type: str = ""
    tech_info: str = ""


def kept_event(event: SecurityEvent, call: IncomingCall) -> ChargerNotified:
    """Return the fact for an event, kept under its type: the next one of another type does not replace it."""
    return notified(call, topic(event.type))


def alarm(event: SecurityEvent, call: IncomingCall, _: object) -> None:
    """Log an error for a critical event. The charger's text is untrusted and therefore logged as a literal."""
    if event.type in CRITICAL:
        log.error("%s: security alarm: %s %r", call.identity, event.type, event.tech_info[:MAX_LOGGED_LENGTH])

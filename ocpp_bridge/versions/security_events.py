"""The types of security events, and which of them raise an alarm (OCPP 1.6 security whitepaper; 2.x appendix 1)."""

from __future__ import annotations

import logging

from ocpp_bridge.versions.base import IncomingCall, Payload

CRITICAL = frozenset(  # possible tampering with the charger, its keys or its firmware: an operator should look at once
    {
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "InvalidCentralSystemCertificate",
        "InvalidCsmsCertificate",
        "InvalidChargePointCertificate",
        "InvalidChargingStationCertificate",
        "InvalidTLSVersion",
        "InvalidTLSCipherSuite",
        "FailedToAuthenticateAtCentralSystem",
        "FailedToAuthenticateAtCsms",
        "CentralSystemFailedToAuthenticate",
        "CsmsFailedToAuthenticate",
        "AttemptedReplayAttacks",
    }
)
ROUTINE = frozenset(
    {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "ReconfigurationOfSecurityParameters",
        "InvalidMessages",
    }
)
MAX_LOGGED_LENGTH = 100  # a charger could fill the log with longer texts

log = logging.getLogger(__name__)


class SecurityEvent(Payload):
    """The fields of a SecurityEventNotification that every version has."""

    type: str = ""
    tech_info: str = ""


def topic(type_: str) -> str:
    """Return the topic to keep an event under: its type if it is standard, so that a charger has a bounded number."""
    return f"SecurityEvent {type_ if type_ in CRITICAL | ROUTINE else 'Other'}"


def alarm(event: SecurityEvent, call: IncomingCall, _: object) -> None:
    """Log an error for a critical event. The charger's text is untrusted and therefore logged as a literal."""
    if event.type in CRITICAL:
        log.error("%s: security alarm: %s %r", call.identity, event.type, event.tech_info[:MAX_LOGGED_LENGTH])

"""Owns which security events there are and which raise an alarm (OCPP 1.6 security whitepaper; 2.x appendix 1).

An event is kept as the charger's latest of its type, so what is kept is bounded by the types there are.
"""

from __future__ import annotations

import logging

CRITICAL = frozenset(  # an operator is to look at once: somebody may be at the charger, its keys or its firmware
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
MAX_LOGGED_LENGTH = 100  # characters of a charger's words in the log

log = logging.getLogger(__name__)


def topic(type_: str) -> str:
    """The notice that an event is kept under."""
    return f"SecurityEvent {type_ if type_ in CRITICAL | ROUTINE else 'Other'}"


def alarm(identity: str, type_: str, tech_info: str) -> None:
    """Raise the alarm of a critical event. The charger's words are written as a literal: they are not to be trusted."""
    if type_ in CRITICAL:
        log.error("%s: security alarm: %s %r", identity, type_, tech_info[:MAX_LOGGED_LENGTH])

"""The types of security events, and which of them are alarms (OCPP 1.6 security whitepaper; 2.x appendix 1)."""

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
PREFIX = "SecurityEvent"  # of the topics of notices


def topic(type_: str) -> str:
    """Return the topic to keep an event under: its type if it is standard, so that a charger has a bounded number."""
    return f"{PREFIX} {type_ if type_ in CRITICAL | ROUTINE else 'Other'}"

"""The outcome of a command, in a sentence for the person who requested it."""

from __future__ import annotations

from polaris.domain.enums import CommandState as S

_STATES = {
    S.DRAFTED: "A dry run: waiting for what would be sent.",
    S.PREVIEWED: "A dry run: this is what would be sent. Nothing was sent.",
    S.REQUESTED: "On its way to the charger.",
    S.SENT: "Sent to the charger; no answer yet.",
    S.PROMISED: "The charger accepted and is waiting for the car.",
    S.ACCEPTED: "The charger accepted.",
    S.REJECTED: "The charger refused.",
    S.ERROR: "The charger answered with an error.",
    S.OFFLINE: "The charger is offline.",
    S.TIMED_OUT: "The charger did not answer in time.",
    S.UNKNOWN: "The connection broke before the charger answered: whether it did it is not known.",
}
_STARTED = "A session began."
_NOT_STARTED = "The charger accepted, but no session began in time."
_TOO_LATE = "It could not be sent in time, so it was not sent at all."
_NO_PREVIEW = "A dry run: what would be sent was not made in time. Nothing was sent."
_NO_REDIS = "It could not be sent: Redis does not answer."

RESTART_NEEDED = "RebootRequired"
TOO_LONG, NOT_HELD, MALFORMED = "TooLong", "NotHeld", "Malformed"  # statuses that are ours

# What we say of a command, where the charger's answer has no such status.
_OURS = {
    (
        S.UNKNOWN,
        TOO_LONG,
    ): "The charger sent more than a megabyte at once, and was disconnected for it. Ask for less.",
    (S.ERROR, NOT_HELD): "The charger answered, but its answer does not hold what it was asked for.",
    (S.ERROR, MALFORMED): "The charger answered, but its answer is malformed.",
}

# Statuses of OCPP 1.6 and 2.x that are more specific than accepted or rejected.
_STATUSES = {
    "AcceptedCanceled": "The charger accepted, and gave up an earlier one for it.",
    "EmptyResultSet": "The charger has nothing of that kind.",
    "Failed": "The charger could not do it.",
    "Faulted": "The charger refused: the connector is faulted.",
    "InvalidCertificate": "The charger refused: the certificate is not valid.",
    "NotImplemented": "The charger cannot do that.",
    "NotSupported": "The charger cannot do that.",
    "NotSupportedAttributeType": "The charger has that setting, but not this attribute of it.",
    "Occupied": "The charger refused: the connector is occupied.",
    "OngoingAuthorizedTransaction": "The charger refused: a session goes on there, which has to be stopped first.",
    "Ongoing": "The session goes on at the charger.",
    "Over": "The session is over at the charger, and the charger has nothing more to say of it.",
    "Queued": "The charger still has messages to send.",
    "NothingQueued": "The charger has no messages left to send.",
    RESTART_NEEDED: "The charger accepted; it takes effect when the charger has restarted.",
    "RevokedCertificate": "The charger refused: the certificate was revoked.",
    "Scheduled": "The charger accepted, and will do it when its sessions have ended.",
    "Unavailable": "The charger refused: the connector is out of service.",
    "Unknown": "The charger has no such charging profile.",
    "UnknownComponent": "The charger has no such setting.",
    "UnknownConnector": "The charger has no such connector.",
    "UnknownKey": "The charger has no such setting.",
    "UnknownMessageId": "The charger does not know that message.",
    "UnknownVariable": "The charger has no such setting.",
    "UnknownVendorId": "The charger does not know that vendor.",
    "UnlockFailed": "The charger could not unlock the connector.",
    "Unlocked": "The connector is unlocked.",
    "VersionMismatch": "The charger refused: its list has another version.",
}


def sentence(
    state: S, status: str = "", *, is_sent: bool = True, is_begun: bool = False, is_dry_run: bool = False
) -> str:
    """Return the outcome. `status` is the charger's own, or the reason why the command could not be sent."""
    if is_dry_run and state is S.TIMED_OUT:
        return _NO_PREVIEW
    if not is_sent:
        return _not_sent(state, status)
    if is_begun:
        return _STARTED
    if state is S.TIMED_OUT and status:
        return _NOT_STARTED
    return _OURS.get((state, status)) or _of_charger(state, status)


def _of_charger(state: S, status: str) -> str:
    if state is S.ERROR and status:
        return f"The charger answered with an error: {status}."
    return _STATUSES.get(status, _STATES[state]) if state in (S.ACCEPTED, S.REJECTED) else _STATES[state]


def _not_sent(state: S, reason: str) -> str:
    return {S.TIMED_OUT: _TOO_LATE, S.ERROR: _NO_REDIS, S.REJECTED: reason}.get(state, _STATES[state])

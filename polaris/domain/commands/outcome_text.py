"""The outcome of a command, in a sentence for the person who requested it."""

from __future__ import annotations

from polaris.domain.enums import CommandState as S
from polaris.domain.enums import StartEnd
from polaris.domain.sentences import N_, Sentence, say

_STATES = {
    S.DRAFTED: N_("A dry run: waiting for what would be sent."),
    S.PREVIEWED: N_("A dry run: this is what would be sent. Nothing was sent."),
    S.REQUESTED: N_("On its way to the charger."),
    S.SENT: N_("Sent to the charger; no answer yet."),
    S.PROMISED: N_("The charger accepted and is waiting for the car."),
    S.ACCEPTED: N_("The charger accepted."),
    S.REJECTED: N_("The charger refused."),
    S.ERROR: N_("The charger answered with an error."),
    S.OFFLINE: N_("The charger is offline."),
    S.TIMED_OUT: N_("The charger did not answer in time."),
    S.UNKNOWN: N_("The connection broke before the charger answered: whether it did it is not known."),
}
_STARTED = N_("A session began.")
_NOT_STARTED = N_("The charger accepted, but no session began in time.")
_TOO_LATE = N_("It could not be sent in time, so it was not sent at all.")
_NO_PREVIEW = N_("A dry run: what would be sent was not made in time. Nothing was sent.")
_NO_REDIS = N_("It could not be sent: Redis does not answer.")

RESTART_NEEDED = "RebootRequired"
TOO_LONG, NOT_HELD, MALFORMED = "TooLong", "NotHeld", "Malformed"  # statuses that are ours

# What we say of a command, where the charger's answer has no such status.
_OURS = {
    (
        S.UNKNOWN,
        TOO_LONG,
    ): N_("The charger sent more than a megabyte at once, and was disconnected for it. Ask for less."),
    (S.ERROR, NOT_HELD): N_("The charger answered, but its answer does not hold what it was asked for."),
    (S.ERROR, MALFORMED): N_("The charger answered, but its answer is malformed."),
}
_ENDS = {
    StartEnd.OVERTAKEN: N_("Somebody else began to charge there meanwhile, so the start is over."),
    StartEnd.GIVEN_UP: N_("The driver gave the start up."),
    StartEnd.CARD_BLOCKED: N_("The card was blocked meanwhile, so the start is over."),
    StartEnd.ACCOUNT_INACTIVE: N_("The driver's account was suspended or stopped meanwhile, so the start is over."),
}

# Statuses of OCPP 1.6 and 2.x that are more specific than accepted or rejected.
_STATUSES = {
    "AcceptedCanceled": N_("The charger accepted, and gave up an earlier one for it."),
    "EmptyResultSet": N_("The charger has nothing of that kind."),
    "Failed": N_("The charger could not do it."),
    "Faulted": N_("The charger refused: the connector is faulted."),
    "InvalidCertificate": N_("The charger refused: the certificate is not valid."),
    "NotImplemented": N_("The charger cannot do that."),
    "NotSupported": N_("The charger cannot do that."),
    "NotSupportedAttributeType": N_("The charger has that setting, but not this attribute of it."),
    "Occupied": N_("The charger refused: the connector is occupied."),
    "OngoingAuthorizedTransaction": N_("The charger refused: a session goes on there, which has to be stopped first."),
    "Ongoing": N_("The session goes on at the charger."),
    "Over": N_("The session is over at the charger, and the charger has nothing more to say of it."),
    "Queued": N_("The charger still has messages to send."),
    "NothingQueued": N_("The charger has no messages left to send."),
    RESTART_NEEDED: N_("The charger accepted; it takes effect when the charger has restarted."),
    "RevokedCertificate": N_("The charger refused: the certificate was revoked."),
    "Scheduled": N_("The charger accepted, and will do it when its sessions have ended."),
    "Unavailable": N_("The charger refused: the connector is out of service."),
    "Unknown": N_("The charger has no such charging profile."),
    "UnknownComponent": N_("The charger has no such setting."),
    "UnknownConnector": N_("The charger has no such connector."),
    "UnknownKey": N_("The charger has no such setting."),
    "UnknownMessageId": N_("The charger does not know that message."),
    "UnknownVariable": N_("The charger has no such setting."),
    "UnknownVendorId": N_("The charger does not know that vendor."),
    "UnlockFailed": N_("The charger could not unlock the connector."),
    "Unlocked": N_("The connector is unlocked."),
    "VersionMismatch": N_("The charger refused: its list has another version."),
}


def sentence(
    state: S, status: str = "", *, is_sent: bool = True, is_begun: bool = False, is_dry_run: bool = False
) -> Sentence:
    """Return the outcome. `status` is the charger's own, or the reason why the command could not be sent."""
    if is_dry_run and state is S.TIMED_OUT:
        return say(_NO_PREVIEW)
    if state is S.TIMED_OUT and not is_begun and status in _ENDS:
        return say(_ENDS[StartEnd(status)])
    if not is_sent:
        return _not_sent(state, status)
    if is_begun:
        return say(_STARTED)
    if state is S.TIMED_OUT and status:
        return say(_NOT_STARTED)
    return say(_OURS[state, status]) if (state, status) in _OURS else _of_charger(state, status)


def _of_charger(state: S, status: str) -> Sentence:
    if state is S.ERROR and status:
        return say("The charger answered with an error: %(status)s.", status=status)
    return say(_STATUSES.get(status, _STATES[state]) if state in (S.ACCEPTED, S.REJECTED) else _STATES[state])


def _not_sent(state: S, reason: str) -> Sentence:
    return say({S.TIMED_OUT: _TOO_LATE, S.ERROR: _NO_REDIS, S.REJECTED: reason}.get(state, _STATES[state]))

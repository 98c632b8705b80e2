"""Commands in OCPP 1.6: the CALL of each, and the place of the status in its answer."""

from __future__ import annotations

from typing import Any

from ocpp.v16 import call
from ocpp.v16.datatypes import (
    AuthorizationData,
    ChargingProfile,
    ChargingSchedule,
    ChargingSchedulePeriod,
    IdTagInfo,
)
from ocpp.v16.enums import (
    AvailabilityType,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ConfigurationKey,
    Log,
    MessageTrigger,
    RecurrencyKind,
    ResetType,
    UpdateType,
)

from ocpp_bridge.versions.commands import (
    Build,
    CannotEncode,
    CommandEncoder,
    ReadStatus,
    instant,
    schedule_start,
    told,
)
from polaris.domain import cards, settings
from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.commands.outcome_text import NOT_HELD
from polaris.ingest import ClaimedCommand

_AVAILABILITY = {
    values.Availability.AVAILABLE: AvailabilityType.operative,
    values.Availability.UNAVAILABLE: AvailabilityType.inoperative,
}
_MESSAGES = {
    values.RequestedMessage.BOOT: MessageTrigger.boot_notification,
    values.RequestedMessage.HEARTBEAT: MessageTrigger.heartbeat,
    values.RequestedMessage.STATUS: MessageTrigger.status_notification,
    values.RequestedMessage.READINGS: MessageTrigger.meter_values,
    values.RequestedMessage.FIRMWARE_STATUS: MessageTrigger.firmware_status_notification,
    values.RequestedMessage.LOG_STATUS: MessageTrigger.diagnostics_status_notification,
}
_PURPOSES = {
    values.Purpose.CHARGER: ChargingProfilePurposeType.charge_point_max_profile,
    values.Purpose.DEFAULT: ChargingProfilePurposeType.tx_default_profile,
    values.Purpose.SESSION: ChargingProfilePurposeType.tx_profile,
}
_KINDS = {
    values.ProfileKind.ABSOLUTE: ChargingProfileKindType.absolute,
    values.ProfileKind.RECURRING: ChargingProfileKindType.recurring,
    values.ProfileKind.RELATIVE: ChargingProfileKindType.relative,
}
_RECURRENCIES = {
    values.Recurrency.DAILY: RecurrencyKind.daily,
    values.Recurrency.WEEKLY: RecurrencyKind.weekly,
}


def _trigger(command: kinds.Trigger, _: ClaimedCommand) -> object:
    if command.message not in _MESSAGES:
        raise CannotEncode(
            "OCPP 1.6, which the charger speaks, cannot ask for that; `readings` tells of a session, too."
        )
    return call.TriggerMessage(_MESSAGES[command.message], command.connector or None)


def _send_local_list(command: kinds.SendLocalList, _: ClaimedCommand) -> object:
    update = UpdateType.differential if command.is_difference else UpdateType.full
    return call.SendLocalList(command.version, update, [_entry(entry) for entry in command.entries])


def _entry(entry: values.ListEntry) -> AuthorizationData:
    if entry.status is None:
        return AuthorizationData(_token(entry.id_tag))
    info = IdTagInfo(entry.status, _parent(entry.parent_id_tag), instant(entry.expires_at))
    return AuthorizationData(_token(entry.id_tag), info)


def _token(id_tag: str) -> str:
    """Return a card's token. OCPP 1.6 has no types, and would take a token of one that is no card's for a card."""
    type_, token = cards.typed(id_tag)
    if type_ not in cards.CARD_TYPES:
        raise CannotEncode(f"OCPP 1.6, which the charger speaks, has only cards, and no tokens of type {type_}.")
    return token


def _parent(id_tag: str | None) -> str | None:
    return None if id_tag is None else _token(id_tag)


def _start(command: kinds.StartCharging, _: ClaimedCommand) -> object:
    """Start with a profile of the session to come, which has no id yet (§5.11)."""
    profile = None if command.profile is None else _profile(command.profile)
    return call.RemoteStartTransaction(_token(command.id_tag), command.connector or None, profile)


def _reset(command: kinds.Reset, _: ClaimedCommand) -> object:
    if command.connector:
        raise CannotEncode("OCPP 1.6, which the charger speaks, cannot restart one connector, only the whole charger.")
    return call.Reset(ResetType.hard if command.is_hard else ResetType.soft)


def _profile(profile: values.ChargingProfile, session: int | None = None) -> ChargingProfile:
    schedule = ChargingSchedule(
        profile.unit,
        [ChargingSchedulePeriod(p.starts_s, round(p.limit, 1), p.phases) for p in profile.periods],
        profile.duration_s,
        schedule_start(profile),
        None if profile.min_rate is None else round(profile.min_rate, 1),
    )
    return ChargingProfile(
        profile.id,
        profile.stack_level,
        _PURPOSES[profile.purpose],
        _KINDS[profile.kind],
        schedule,
        session,
        profile.recurrency and _RECURRENCIES[profile.recurrency],
        instant(profile.valid_from_at),
        instant(profile.valid_to_at),
    )


def _update_firmware(command: kinds.UpdateFirmware, claimed: ClaimedCommand) -> object:
    """Return the security whitepaper's message for a signed firmware, else the specification's."""
    retries = command.retries, command.retry_interval_s
    if command.certificate is None or command.signature is None:
        return call.UpdateFirmware(command.address, instant(command.at), *retries)
    firmware = {
        "location": command.address,
        "retrieveDateTime": instant(command.at),
        "signingCertificate": command.certificate,
        "signature": command.signature,
    }
    if command.install_at is not None:
        firmware["installDateTime"] = instant(command.install_at)
    return call.SignedUpdateFirmware(claimed.id, firmware, *retries)


def _get_log(command: kinds.GetLog, claimed: ClaimedCommand) -> object:
    """Return the security whitepaper's message for the security log, else the specification's."""
    retries, span = (command.retries, command.retry_interval_s), (instant(command.from_at), instant(command.until_at))
    if command.log is values.LogKind.DIAGNOSTICS:
        return call.GetDiagnostics(command.address, *retries, *span)
    log = {"remoteLocation": command.address, "oldestTimestamp": span[0], "latestTimestamp": span[1]}
    log = {name: value for name, value in log.items() if value is not None}
    return call.GetLog(log, Log.security_log, claimed.id, *retries)


def _settings_status(received: dict[str, Any]) -> str:
    """Return a status for an answer that has lists instead."""
    if next(settings.read(received), None) is None:
        return NOT_HELD
    return "UnknownKey" if received.get("unknownKey") and not received.get("configurationKey") else "Accepted"


_BUILDS: dict[type[ChargerCommand], Build] = {
    kinds.StartCharging: _start,
    kinds.Reset: _reset,
    kinds.Unlock: lambda c, _: call.UnlockConnector(c.connector),
    kinds.SetAvailability: lambda c, _: call.ChangeAvailability(c.connector, _AVAILABILITY[c.availability]),
    kinds.Trigger: _trigger,
    kinds.GetConfiguration: lambda c, _: call.GetConfiguration([*c.keys] or None),
    kinds.SetConfiguration: lambda c, _: call.ChangeConfiguration(c.key, c.value),
    kinds.ClearCache: lambda *_: call.ClearCache(),
    kinds.SendLocalList: _send_local_list,
    kinds.GetLocalListVersion: lambda *_: call.GetLocalListVersion(),
    kinds.TransferData: lambda c, _: call.DataTransfer(c.vendor_id, c.message_id or None, c.data or None),
    kinds.SetChargingProfile: lambda c, _: call.SetChargingProfile(c.connector, _profile(c.profile, c.session)),
    kinds.ClearChargingProfile: lambda c, _: call.ClearChargingProfile(
        c.id, c.connector, c.purpose and _PURPOSES[c.purpose], c.stack_level
    ),
    kinds.GetCompositeSchedule: lambda c, _: call.GetCompositeSchedule(c.connector, c.duration_s, c.unit),
    kinds.Reserve: lambda c, _: call.ReserveNow(
        c.connector, instant(c.until_at), _token(c.id_tag), c.reservation, _parent(c.parent_id_tag)
    ),
    kinds.CancelReservation: lambda c, _: call.CancelReservation(c.reservation),
    kinds.UpdateFirmware: _update_firmware,
    kinds.GetLog: _get_log,
    kinds.StopCharging: lambda _, claimed: call.RemoteStopTransaction(claimed.session),
    kinds.TriggerReadings: lambda c, _: call.TriggerMessage(MessageTrigger.meter_values, c.connector),
    kinds.ChangeKey: lambda _, claimed: call.ChangeConfiguration(ConfigurationKey.authorization_key, claimed.secret),
}
_READS: dict[type[ChargerCommand], ReadStatus] = {
    kinds.GetConfiguration: _settings_status,
    kinds.GetLocalListVersion: told("listVersion"),
    kinds.UpdateFirmware: lambda received: str(received.get("status", "Accepted")),
    kinds.GetLog: lambda received: str(received.get("status", "Accepted")),
}

COMMANDS = CommandEncoder("1.6", _BUILDS, _READS)

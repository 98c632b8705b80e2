"""Commands in OCPP 1.6: which CALL each is, and where the charger's own word stands in its answer."""

from __future__ import annotations

from typing import Any

from ocpp.v16 import call  # type: ignore[import-untyped]
from ocpp.v16.datatypes import (  # type: ignore[import-untyped]
    AuthorizationData,
    ChargingProfile,
    ChargingSchedule,
    ChargingSchedulePeriod,
    IdTagInfo,
)
from ocpp.v16.enums import (  # type: ignore[import-untyped]
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

from ocpp_bridge.versions.base import CannotEncode
from ocpp_bridge.versions.commands import Build, CommandEncoder, ReadStatus, accepted, instant
from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
from polaris.domain.commands.catalog import Command
from polaris.ingest import ClaimedCommand

_AVAILABILITY = {
    values.Availability.AVAILABLE: AvailabilityType.operative,
    values.Availability.UNAVAILABLE: AvailabilityType.inoperative,
}
_MESSAGES = {
    values.Message.BOOT: MessageTrigger.boot_notification,
    values.Message.HEARTBEAT: MessageTrigger.heartbeat,
    values.Message.STATUS: MessageTrigger.status_notification,
    values.Message.READINGS: MessageTrigger.meter_values,
    values.Message.FIRMWARE_STATUS: MessageTrigger.firmware_status_notification,
    values.Message.LOG_STATUS: MessageTrigger.diagnostics_status_notification,
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


def _trigger(wanted: kinds.Trigger, _: ClaimedCommand) -> object:
    if wanted.message not in _MESSAGES:
        raise CannotEncode(
            "OCPP 1.6, which the charger speaks, cannot ask for that; `readings` tells of a session, too."
        )
    return call.TriggerMessage(_MESSAGES[wanted.message], wanted.connector or None)


def _send_local_list(wanted: kinds.SendLocalList, _: ClaimedCommand) -> object:
    update = UpdateType.differential if wanted.is_difference else UpdateType.full
    return call.SendLocalList(wanted.version, update, [_entry(entry) for entry in wanted.entries])


def _entry(entry: values.ListEntry) -> AuthorizationData:
    if entry.status is None:
        return AuthorizationData(entry.id_tag)
    return AuthorizationData(entry.id_tag, IdTagInfo(entry.status, entry.parent_id_tag, instant(entry.expires_at)))


def _set_charging_profile(wanted: kinds.SetChargingProfile, _: ClaimedCommand) -> object:
    one = wanted.profile
    schedule = ChargingSchedule(
        one.unit,
        [ChargingSchedulePeriod(p.starts_s, round(p.limit, 1), p.phases) for p in one.periods],
        one.duration_s,
        instant(one.starts_at),
        None if one.min_rate is None else round(one.min_rate, 1),
    )
    profile = ChargingProfile(
        one.id,
        one.stack_level,
        _PURPOSES[one.purpose],
        _KINDS[one.kind],
        schedule,
        wanted.session,
        one.recurrency and _RECURRENCIES[one.recurrency],
        instant(one.valid_from_at),
        instant(one.valid_to_at),
    )
    return call.SetChargingProfile(wanted.connector, profile)


def _update_firmware(wanted: kinds.UpdateFirmware, claimed: ClaimedCommand) -> object:
    """One that its maker signed goes by the security whitepaper's message."""
    retries = wanted.retries, wanted.retry_interval_s
    if wanted.certificate is None or wanted.signature is None:
        return call.UpdateFirmware(wanted.address, instant(wanted.at), *retries)
    firmware = {
        "location": wanted.address,
        "retrieveDateTime": instant(wanted.at),
        "signingCertificate": wanted.certificate,
        "signature": wanted.signature,
    }
    if wanted.install_at is not None:
        firmware["installDateTime"] = instant(wanted.install_at)
    return call.SignedUpdateFirmware(claimed.id, firmware, *retries)


def _get_log(wanted: kinds.GetLog, claimed: ClaimedCommand) -> object:
    """The log of security events goes by the security whitepaper's message."""
    retries, span = (wanted.retries, wanted.retry_interval_s), (instant(wanted.from_at), instant(wanted.until_at))
    if wanted.log is values.Log.DIAGNOSTICS:
        return call.GetDiagnostics(wanted.address, *retries, *span)
    log = {"remoteLocation": wanted.address, "oldestTimestamp": span[0], "latestTimestamp": span[1]}
    log = {name: value for name, value in log.items() if value is not None}
    return call.GetLog(log, Log.security_log, claimed.id, *retries)


def _settings(said: dict[str, Any]) -> str:
    return "UnknownKey" if said.get("unknownKey") and not said.get("configurationKey") else "Accepted"


_BUILDS: dict[type[Command], Build] = {
    kinds.StartCharging: lambda c, _: call.RemoteStartTransaction(c.id_tag, c.connector or None),
    kinds.Reset: lambda c, _: call.Reset(ResetType.hard if c.is_hard else ResetType.soft),
    kinds.Unlock: lambda c, _: call.UnlockConnector(c.connector),
    kinds.SetAvailability: lambda c, _: call.ChangeAvailability(c.connector, _AVAILABILITY[c.availability]),
    kinds.Trigger: _trigger,
    kinds.GetConfiguration: lambda c, _: call.GetConfiguration([*c.keys] or None),
    kinds.SetConfiguration: lambda c, _: call.ChangeConfiguration(c.key, c.value),
    kinds.ClearCache: lambda *_: call.ClearCache(),
    kinds.SendLocalList: _send_local_list,
    kinds.GetLocalListVersion: lambda *_: call.GetLocalListVersion(),
    kinds.TransferData: lambda c, _: call.DataTransfer(c.vendor_id, c.message_id or None, c.data or None),
    kinds.SetChargingProfile: _set_charging_profile,
    kinds.ClearChargingProfile: lambda c, _: call.ClearChargingProfile(
        c.id, c.connector, c.purpose and _PURPOSES[c.purpose], c.stack_level
    ),
    kinds.GetCompositeSchedule: lambda c, _: call.GetCompositeSchedule(c.connector, c.duration_s, c.unit),
    kinds.Reserve: lambda c, _: call.ReserveNow(
        c.connector, instant(c.until_at), c.id_tag, c.reservation, c.parent_id_tag
    ),
    kinds.CancelReservation: lambda c, _: call.CancelReservation(c.reservation),
    kinds.UpdateFirmware: _update_firmware,
    kinds.GetLog: _get_log,
    kinds.StopCharging: lambda _, claimed: call.RemoteStopTransaction(claimed.session),
    kinds.TriggerReadings: lambda c, _: call.TriggerMessage(MessageTrigger.meter_values, c.connector),
    kinds.ChangeKey: lambda _, claimed: call.ChangeConfiguration(ConfigurationKey.authorization_key, claimed.secret),
}
_READS: dict[type[Command], ReadStatus] = {
    kinds.GetConfiguration: _settings,
    kinds.GetLocalListVersion: accepted,
    kinds.UpdateFirmware: lambda said: str(said.get("status", "Accepted")),
    kinds.GetLog: lambda said: str(said.get("status", "Accepted")),
}

COMMANDS = CommandEncoder("1.6", _BUILDS, _READS)

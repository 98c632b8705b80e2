"""Commands in OCPP 2.0.1 and 2.1, which say them alike: which CALL each is, and the charger's word in its answer."""

from __future__ import annotations

import re
from typing import Any

from ocpp.v201 import call  # type: ignore[import-untyped]
from ocpp.v201.datatypes import (  # type: ignore[import-untyped]
    AuthorizationData,
    ChargingProfileType,
    ChargingSchedulePeriodType,
    ChargingScheduleType,
    ClearChargingProfileType,
    ComponentType,
    EVSEType,
    FirmwareType,
    GetVariableDataType,
    IdTokenInfoType,
    IdTokenType,
    LogParametersType,
    SetVariableDataType,
    VariableType,
)
from ocpp.v201.enums import (  # type: ignore[import-untyped]
    ChargingProfileKindEnumType,
    ChargingProfilePurposeEnumType,
    IdTokenEnumType,
    LogEnumType,
    MessageTriggerEnumType,
    OperationalStatusEnumType,
    RecurrencyKindEnumType,
    ReportBaseEnumType,
    ResetEnumType,
    UpdateEnumType,
)

from ocpp_bridge.versions.base import CannotEncode
from ocpp_bridge.versions.commands import Build, CommandEncoder, ReadStatus, accepted, instant
from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
from polaris.domain.commands.catalog import Command
from polaris.ingest import ClaimedCommand

PLACES = 1000  # more than a charger has EVSEs
KEY = "SecurityCtrlr.BasicAuthPassword"

# A component's name, [instance] and @EVSE, and a variable's name and [instance].
_SETTING = re.compile(r"([^.\[@]+)(?:\[([^\]]+)\])?(?:@(\d{1,3}))?\.([^.\[@]+)(?:\[([^\]]+)\])?")
_AVAILABILITY = {
    values.Availability.AVAILABLE: OperationalStatusEnumType.operative,
    values.Availability.UNAVAILABLE: OperationalStatusEnumType.inoperative,
}
_MESSAGES = {
    values.Message.BOOT: MessageTriggerEnumType.boot_notification,
    values.Message.HEARTBEAT: MessageTriggerEnumType.heartbeat,
    values.Message.STATUS: MessageTriggerEnumType.status_notification,
    values.Message.READINGS: MessageTriggerEnumType.meter_values,
    values.Message.TRANSACTION: MessageTriggerEnumType.transaction_event,
    values.Message.FIRMWARE_STATUS: MessageTriggerEnumType.firmware_status_notification,
    values.Message.LOG_STATUS: MessageTriggerEnumType.log_status_notification,
}
_PURPOSES = {
    values.Purpose.CHARGER: ChargingProfilePurposeEnumType.charging_station_max_profile,
    values.Purpose.DEFAULT: ChargingProfilePurposeEnumType.tx_default_profile,
    values.Purpose.SESSION: ChargingProfilePurposeEnumType.tx_profile,
}
_KINDS = {
    values.ProfileKind.ABSOLUTE: ChargingProfileKindEnumType.absolute,
    values.ProfileKind.RECURRING: ChargingProfileKindEnumType.recurring,
    values.ProfileKind.RELATIVE: ChargingProfileKindEnumType.relative,
}
_RECURRENCIES = {
    values.Recurrency.DAILY: RecurrencyKindEnumType.daily,
    values.Recurrency.WEEKLY: RecurrencyKindEnumType.weekly,
}
_LOGS = {values.Log.DIAGNOSTICS: LogEnumType.diagnostics_log, values.Log.SECURITY: LogEnumType.security_log}


def _evse(connector: int) -> EVSEType | None:
    """Where a connector's number is (the reverse of what a charger's own words are read as); 0 is the charger."""
    return EVSEType(_evse_id(connector), connector // PLACES + 1) if connector else None


def _evse_id(connector: int) -> int:
    if connector and not connector % PLACES:
        raise CannotEncode(f"The charger can have no connector {connector}.")
    return connector % PLACES


def _transaction_id(session: int | None, claimed: ClaimedCommand) -> str | None:
    if session is not None and claimed.transaction_id is None:
        raise CannotEncode("The session began in OCPP 1.6, and has no name that the charger would know now.")
    return claimed.transaction_id


def _token(id_tag: str) -> IdTokenType:
    """A card, or a token of the type that stands before it."""
    type_, _, name = id_tag.partition(":")
    is_typed = bool(name) and type_ in [str(one) for one in IdTokenEnumType]
    return IdTokenType(name, type_) if is_typed else IdTokenType(id_tag, IdTokenEnumType.iso14443)


def _setting(name: str) -> tuple[ComponentType, VariableType]:
    found = _SETTING.fullmatch(name)
    if found is None:
        raise CannotEncode("OCPP 2.x names a setting Component.Variable, such as OCPPCommCtrlr.HeartbeatInterval.")
    component, instance, evse, variable, variable_instance = found.groups()
    where = EVSEType(int(evse)) if evse else None
    return ComponentType(component, instance=instance, evse=where), VariableType(variable, instance=variable_instance)


def _get_configuration(wanted: kinds.GetConfiguration, claimed: ClaimedCommand) -> object:
    """All of them come by themselves, as reports in parts."""
    if not wanted.keys:
        return call.GetBaseReport(claimed.id, ReportBaseEnumType.full_inventory)
    return call.GetVariables([GetVariableDataType(*_setting(name)) for name in wanted.keys])


def _set(name: str, value: str) -> object:
    return call.SetVariables([SetVariableDataType(value, *_setting(name))])


def _send_local_list(wanted: kinds.SendLocalList, _: ClaimedCommand) -> object:
    update = UpdateEnumType.differential if wanted.is_difference else UpdateEnumType.full
    return call.SendLocalList(wanted.version, update, [_entry(entry) for entry in wanted.entries] or None)


def _entry(entry: values.ListEntry) -> AuthorizationData:
    if entry.status is None:
        return AuthorizationData(_token(entry.id_tag))
    group = None if entry.parent_id_tag is None else _token(entry.parent_id_tag)
    info = IdTokenInfoType(entry.status, cache_expiry_date_time=instant(entry.expires_at), group_id_token=group)
    return AuthorizationData(_token(entry.id_tag), info)


def _set_charging_profile(wanted: kinds.SetChargingProfile, claimed: ClaimedCommand) -> object:
    one = wanted.profile
    schedule = ChargingScheduleType(
        id=one.id,
        charging_rate_unit=one.unit,
        charging_schedule_period=[ChargingSchedulePeriodType(p.starts_s, p.limit, p.phases) for p in one.periods],
        start_schedule=instant(one.starts_at),
        duration=one.duration_s,
        min_charging_rate=one.min_rate,
    )
    profile = ChargingProfileType(
        id=one.id,
        stack_level=one.stack_level,
        charging_profile_purpose=_PURPOSES[one.purpose],
        charging_profile_kind=_KINDS[one.kind],
        charging_schedule=[schedule],
        valid_from=instant(one.valid_from_at),
        valid_to=instant(one.valid_to_at),
        transaction_id=_transaction_id(wanted.session, claimed),
        recurrency_kind=one.recurrency and _RECURRENCIES[one.recurrency],
    )
    return call.SetChargingProfile(_evse_id(wanted.connector), profile)


def _clear_charging_profile(wanted: kinds.ClearChargingProfile, _: ClaimedCommand) -> object:
    criteria = None
    if (wanted.connector, wanted.purpose, wanted.stack_level) != (None, None, None):
        evse = None if wanted.connector is None else _evse_id(wanted.connector)
        criteria = ClearChargingProfileType(evse, wanted.purpose and _PURPOSES[wanted.purpose], wanted.stack_level)
    return call.ClearChargingProfile(wanted.id, criteria)


def _reserve(wanted: kinds.Reserve, _: ClaimedCommand) -> object:
    return call.ReserveNow(
        wanted.reservation,
        instant(wanted.until_at),
        _token(wanted.id_tag),
        evse_id=_evse_id(wanted.connector) or None,
        group_id_token=None if wanted.parent_id_tag is None else _token(wanted.parent_id_tag),
    )


def _update_firmware(wanted: kinds.UpdateFirmware, claimed: ClaimedCommand) -> object:
    firmware = FirmwareType(
        wanted.address, instant(wanted.at), instant(wanted.install_at), wanted.certificate, wanted.signature
    )
    return call.UpdateFirmware(claimed.id, firmware, wanted.retries, wanted.retry_interval_s)


def _get_log(wanted: kinds.GetLog, claimed: ClaimedCommand) -> object:
    log = LogParametersType(wanted.address, instant(wanted.from_at), instant(wanted.until_at))
    return call.GetLog(log, _LOGS[wanted.log], claimed.id, wanted.retries, wanted.retry_interval_s)


def _transaction_status(wanted: kinds.GetTransactionStatus, claimed: ClaimedCommand) -> object:
    return call.GetTransactionStatus(_transaction_id(wanted.session, claimed))


def _stop(_: kinds.StopCharging, claimed: ClaimedCommand) -> object:
    """A session that began in OCPP 1.6 is known to the charger by its number."""
    name = str(claimed.session) if claimed.transaction_id is None else claimed.transaction_id
    return call.RequestStopTransaction(name)


def _queue(said: dict[str, Any]) -> str:
    """Its answer has no word of its own, but two switches."""
    if said.get("messagesInQueue"):
        return "Queued"
    is_ongoing = said.get("ongoingIndicator")
    return "NothingQueued" if is_ongoing is None else "Ongoing" if is_ongoing else "Over"


def _settings(results: str) -> ReadStatus:
    """The word of the first setting that went well, else of the first."""

    def read(said: dict[str, Any]) -> str:
        each = said.get(results)
        found = [one for one in each if isinstance(one, dict)] if isinstance(each, list) else []
        words = [str(one.get("attributeStatus", "")) for one in found]
        return "Accepted" if "Accepted" in words else words[0] if words else ""

    return read


_BUILDS: dict[type[Command], Build] = {
    kinds.StartCharging: lambda c, claimed: call.RequestStartTransaction(
        _token(c.id_tag), claimed.id, _evse_id(c.connector) or None
    ),
    kinds.Reset: lambda c, _: call.Reset(ResetEnumType.immediate if c.is_hard else ResetEnumType.on_idle),
    kinds.Unlock: lambda c, _: call.UnlockConnector(_evse_id(c.connector), c.connector // PLACES + 1),
    kinds.SetAvailability: lambda c, _: call.ChangeAvailability(_AVAILABILITY[c.availability], _evse(c.connector)),
    kinds.Trigger: lambda c, _: call.TriggerMessage(_MESSAGES[c.message], _evse(c.connector)),
    kinds.GetConfiguration: _get_configuration,
    kinds.SetConfiguration: lambda c, _: _set(c.key, c.value),
    kinds.ClearCache: lambda *_: call.ClearCache(),
    kinds.SendLocalList: _send_local_list,
    kinds.GetLocalListVersion: lambda *_: call.GetLocalListVersion(),
    kinds.TransferData: lambda c, _: call.DataTransfer(c.vendor_id, c.message_id or None, c.data or None),
    kinds.SetChargingProfile: _set_charging_profile,
    kinds.ClearChargingProfile: _clear_charging_profile,
    kinds.GetCompositeSchedule: lambda c, _: call.GetCompositeSchedule(c.duration_s, _evse_id(c.connector), c.unit),
    kinds.Reserve: _reserve,
    kinds.CancelReservation: lambda c, _: call.CancelReservation(c.reservation),
    kinds.GetTransactionStatus: _transaction_status,
    kinds.UpdateFirmware: _update_firmware,
    kinds.GetLog: _get_log,
    kinds.StopCharging: _stop,
    kinds.TriggerReadings: lambda c, _: call.TriggerMessage(
        MessageTriggerEnumType.transaction_event, {"id": c.connector % PLACES}
    ),
    kinds.ChangeKey: lambda _, claimed: _set(KEY, claimed.secret),
}
_SETTINGS = _settings("getVariableResult")
_READS: dict[type[Command], ReadStatus] = {
    kinds.GetLocalListVersion: accepted,
    kinds.GetTransactionStatus: _queue,
    kinds.GetConfiguration: lambda said: str(said["status"]) if "status" in said else _SETTINGS(said),
    kinds.SetConfiguration: _settings("setVariableResult"),
    kinds.ChangeKey: _settings("setVariableResult"),
}

COMMANDS_V201 = CommandEncoder("2.0.1", _BUILDS, _READS)
COMMANDS_V21 = CommandEncoder("2.1", _BUILDS, _READS)

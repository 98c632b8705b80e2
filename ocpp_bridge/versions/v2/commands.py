"""Commands in OCPP 2.0.1 and 2.1, which have the same: the CALL of each, and the place of the status in its answer."""

from __future__ import annotations

import re
from typing import Any

from ocpp.v201 import call
from ocpp.v201.datatypes import (
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
from ocpp.v201.enums import (
    ChargingProfileKindEnumType,
    ChargingProfilePurposeEnumType,
    LogEnumType,
    MessageTriggerEnumType,
    OperationalStatusEnumType,
    RecurrencyKindEnumType,
    ReportBaseEnumType,
    ResetEnumType,
    UpdateEnumType,
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
from polaris.domain import cards, connectors
from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
from polaris.domain.commands.catalog import ChargerCommand
from polaris.ingest import ClaimedCommand

KEY = "SecurityCtrlr.BasicAuthPassword"

# Component[instance]@EVSE.Variable[instance]
_SETTING = re.compile(r"([^.\[@]+)(?:\[([^\]]+)\])?(?:@(\d{1,3}))?\.([^.\[@]+)(?:\[([^\]]+)\])?")
_AVAILABILITY = {
    values.Availability.AVAILABLE: OperationalStatusEnumType.operative,
    values.Availability.UNAVAILABLE: OperationalStatusEnumType.inoperative,
}
_MESSAGES = {
    values.RequestedMessage.BOOT: MessageTriggerEnumType.boot_notification,
    values.RequestedMessage.HEARTBEAT: MessageTriggerEnumType.heartbeat,
    values.RequestedMessage.STATUS: MessageTriggerEnumType.status_notification,
    values.RequestedMessage.READINGS: MessageTriggerEnumType.meter_values,
    values.RequestedMessage.TRANSACTION: MessageTriggerEnumType.transaction_event,
    values.RequestedMessage.FIRMWARE_STATUS: MessageTriggerEnumType.firmware_status_notification,
    values.RequestedMessage.LOG_STATUS: MessageTriggerEnumType.log_status_notification,
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
_LOGS = {values.LogKind.DIAGNOSTICS: LogEnumType.diagnostics_log, values.LogKind.SECURITY: LogEnumType.security_log}


def _evse(connector: int) -> EVSEType | None:
    """Return the EVSE and connector of a connector's number, or None for 0, the whole charger."""
    return EVSEType(_evse_id(connector), connector // connectors.STEP + 1) if connector else None


def _evse_id(connector: int) -> int:
    evse_id = connectors.evse_id(connector)
    if connector and not evse_id:
        raise CannotEncode(f"The charger can have no connector {connector}.")
    return evse_id


def _transaction_id(session: int | None, claimed: ClaimedCommand) -> str | None:
    if session is not None and claimed.transaction_id is None:
        raise CannotEncode("The session began in OCPP 1.6, and has no name that the charger would know now.")
    return claimed.transaction_id


def _token(id_tag: str) -> IdTokenType:
    """Return a card's token. A type may stand before it, such as `KeyCode:1234`."""
    type_, token = cards.typed(id_tag)
    if type_ == cards.UNLISTED:
        type_, _, token = token.partition(":")
    return IdTokenType(token, type_ or cards.CARD)


def _setting(name: str) -> tuple[ComponentType, VariableType]:
    match = _SETTING.fullmatch(name)
    if match is None:
        raise CannotEncode("OCPP 2.x names a setting Component.Variable, such as OCPPCommCtrlr.HeartbeatInterval.")
    component, instance, evse, variable, variable_instance = match.groups()
    evse_type = EVSEType(int(evse)) if evse else None
    return ComponentType(component, instance=instance, evse=evse_type), VariableType(
        variable, instance=variable_instance
    )


def _get_configuration(command: kinds.GetConfiguration, claimed: ClaimedCommand) -> object:
    """Ask for the named settings, or for a full report, whose parts come as messages of their own."""
    if not command.keys:
        return call.GetBaseReport(claimed.id, ReportBaseEnumType.full_inventory)
    return call.GetVariables([GetVariableDataType(*_setting(name)) for name in command.keys])


def _set(name: str, value: str) -> object:
    return call.SetVariables([SetVariableDataType(value, *_setting(name))])


def _send_local_list(command: kinds.SendLocalList, _: ClaimedCommand) -> object:
    update = UpdateEnumType.differential if command.is_difference else UpdateEnumType.full
    return call.SendLocalList(command.version, update, [_entry(entry) for entry in command.entries] or None)


def _entry(entry: values.ListEntry) -> AuthorizationData:
    if entry.status is None:
        return AuthorizationData(_token(entry.id_tag))
    group = None if entry.parent_id_tag is None else _token(entry.parent_id_tag)
    info = IdTokenInfoType(entry.status, cache_expiry_date_time=instant(entry.expires_at), group_id_token=group)
    return AuthorizationData(_token(entry.id_tag), info)


def _start(command: kinds.StartCharging, claimed: ClaimedCommand) -> object:
    """Start with a profile of the session to come, which has no id yet (F01.FR.08)."""
    return call.RequestStartTransaction(
        _token(command.id_tag),
        claimed.id,
        _evse_id(command.connector) or None,
        charging_profile=None if command.profile is None else _profile(command.profile),
    )


def _reset(command: kinds.Reset, _: ClaimedCommand) -> object:
    type_ = ResetEnumType.immediate if command.is_hard else ResetEnumType.on_idle
    return call.Reset(type_, _evse_id(command.connector) or None)


def _set_charging_profile(command: kinds.SetChargingProfile, claimed: ClaimedCommand) -> object:
    profile = _profile(command.profile, _transaction_id(command.session, claimed))
    return call.SetChargingProfile(_evse_id(command.connector), profile)


def _profile(profile: values.ChargingProfile, transaction_id: str | None = None) -> ChargingProfileType:
    """Return a profile with one schedule. Limits have at most one decimal place, as in OCPP 1.6."""
    schedule = ChargingScheduleType(
        id=profile.id,
        charging_rate_unit=profile.unit,
        charging_schedule_period=[
            ChargingSchedulePeriodType(p.starts_s, round(p.limit, 1), p.phases) for p in profile.periods
        ],
        start_schedule=schedule_start(profile),
        duration=profile.duration_s,
        min_charging_rate=None if profile.min_rate is None else round(profile.min_rate, 1),
    )
    return ChargingProfileType(
        id=profile.id,
        stack_level=profile.stack_level,
        charging_profile_purpose=_PURPOSES[profile.purpose],
        charging_profile_kind=_KINDS[profile.kind],
        charging_schedule=[schedule],
        valid_from=instant(profile.valid_from_at),
        valid_to=instant(profile.valid_to_at),
        transaction_id=transaction_id,
        recurrency_kind=profile.recurrency and _RECURRENCIES[profile.recurrency],
    )


def _clear_charging_profile(command: kinds.ClearChargingProfile, _: ClaimedCommand) -> object:
    criteria = None
    if (command.connector, command.purpose, command.stack_level) != (None, None, None):
        evse = None if command.connector is None else _evse_id(command.connector)
        criteria = ClearChargingProfileType(evse, command.purpose and _PURPOSES[command.purpose], command.stack_level)
    return call.ClearChargingProfile(command.id, criteria)


def _reserve(command: kinds.Reserve, _: ClaimedCommand) -> object:
    return call.ReserveNow(
        command.reservation,
        instant(command.until_at),
        _token(command.id_tag),
        evse_id=_evse_id(command.connector) or None,
        group_id_token=None if command.parent_id_tag is None else _token(command.parent_id_tag),
    )


def _update_firmware(command: kinds.UpdateFirmware, claimed: ClaimedCommand) -> object:
    firmware = FirmwareType(
        command.address, instant(command.at), instant(command.install_at), command.certificate, command.signature
    )
    return call.UpdateFirmware(claimed.id, firmware, command.retries, command.retry_interval_s)


def _get_log(command: kinds.GetLog, claimed: ClaimedCommand) -> object:
    log = LogParametersType(command.address, instant(command.from_at), instant(command.until_at))
    return call.GetLog(log, _LOGS[command.log], claimed.id, command.retries, command.retry_interval_s)


def _transaction_status(command: kinds.GetTransactionStatus, claimed: ClaimedCommand) -> object:
    return call.GetTransactionStatus(_transaction_id(command.session, claimed))


def _stop(_: kinds.StopCharging, claimed: ClaimedCommand) -> object:
    """Name the transaction; the charger has only a number for a session that began in OCPP 1.6."""
    name = str(claimed.session) if claimed.transaction_id is None else claimed.transaction_id
    return call.RequestStopTransaction(name)


def _transaction_status_of(received: dict[str, Any]) -> str:
    """Return a status for the two flags that the answer has instead."""
    is_ongoing = received.get("ongoingIndicator")
    if is_ongoing:
        return "Ongoing"
    if received.get("messagesInQueue"):
        return "Queued"
    return "NothingQueued" if is_ongoing is None else "Over"


def _settings_status(field: str) -> ReadStatus:
    """Return a reader of `Accepted` if any setting was accepted, else of the first setting's status."""

    def read(received: dict[str, Any]) -> str:
        results = received.get(field)
        results = results if isinstance(results, list) else []
        statuses = [str(result.get("attributeStatus", "")) for result in results if isinstance(result, dict)]
        return "Accepted" if "Accepted" in statuses else statuses[0] if statuses else ""

    return read


_BUILDS: dict[type[ChargerCommand], Build] = {
    kinds.StartCharging: _start,
    kinds.Reset: _reset,
    kinds.Unlock: lambda c, _: call.UnlockConnector(_evse_id(c.connector), c.connector // connectors.STEP + 1),
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
        MessageTriggerEnumType.transaction_event, {"id": connectors.evse_id(c.connector)}
    ),
    kinds.ChangeKey: lambda _, claimed: _set(KEY, claimed.secret),
}
_VARIABLES_STATUS = _settings_status("getVariableResult")
_READS: dict[type[ChargerCommand], ReadStatus] = {
    kinds.GetLocalListVersion: told("versionNumber"),
    kinds.GetTransactionStatus: _transaction_status_of,
    kinds.GetConfiguration: lambda received: (
        str(received["status"]) if "status" in received else _VARIABLES_STATUS(received)
    ),
    kinds.SetConfiguration: _settings_status("setVariableResult"),
    kinds.ChangeKey: _settings_status("setVariableResult"),
}

COMMANDS_V201 = CommandEncoder("2.0.1", _BUILDS, _READS)
COMMANDS_V21 = CommandEncoder("2.1", _BUILDS, _READS)

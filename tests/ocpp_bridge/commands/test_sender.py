"""Commands to chargers of every version: what is sent, what is answered, and every way that one can go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.enums import Authorization, CommandState
from polaris.ingest import CommandRefusal
from polaris.ingest.facts.notices import MAX_PARTS
from polaris.models import AuditEntry, ChargerNotice, Command
from simulator.charger import Charger
from simulator.command_responses import OnCommand
from tests.support.commanding import commanded_charger, done_with, once_out_of
from tests.support.depot import Depot, command_runs_out, is_of_since, now, row, session, sessions, stop_state, until
from tests.support.processes import Processes

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
V2 = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
UNTIL = now().replace(microsecond=0) + timedelta(hours=1)
WIRE_UNTIL = UNTIL.strftime("%Y-%m-%dT%H:%M:%S.000Z")
SIGNED_FIRMWARE = {
    "location": "https://f.example/1",
    "retrieveDateTime": WIRE_UNTIL,
    "installDateTime": WIRE_UNTIL,
    "signingCertificate": "PEM",
    "signature": "c2ln",
}
PROFILE = values.ChargingProfile(
    id=7,
    purpose=values.Purpose.DEFAULT,
    unit=values.Unit.AMPERES,
    periods=(values.Period(0, 16.1, 3), values.Period(60, 6.0)),
    kind=values.ProfileKind.RECURRING,
    recurrency=values.Recurrency.DAILY,
    valid_to_at=UNTIL,
    starts_at=UNTIL,
)
PERIODS = [{"startPeriod": 0, "limit": 16.1, "numberPhases": 3}, {"startPeriod": 60, "limit": 6.0}]
CARD = {"idToken": "CARD", "type": "ISO14443"}

# Each command; in 1.6 and in 2.x: the Action, its payload (ID is the row's id), and the charger's own word.
EACH: dict[str, tuple[ChargerCommand, tuple[str, dict[str, Any], str], tuple[str, dict[str, Any], str]]] = {
    "reset": (
        kinds.Reset(),
        ("Reset", {"type": "Soft"}, "Accepted"),
        ("Reset", {"type": "OnIdle"}, "Accepted"),
    ),
    "reset hard": (
        kinds.Reset(is_hard=True),
        ("Reset", {"type": "Hard"}, "Accepted"),
        ("Reset", {"type": "Immediate"}, "Accepted"),
    ),
    "unlock": (
        kinds.Unlock(1002),
        ("UnlockConnector", {"connectorId": 1002}, "Unlocked"),
        ("UnlockConnector", {"evseId": 2, "connectorId": 2}, "Unlocked"),
    ),
    "availability": (
        kinds.SetAvailability(values.Availability.UNAVAILABLE, 2),
        ("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}, "Accepted"),
        ("ChangeAvailability", {"operationalStatus": "Inoperative", "evse": {"id": 2, "connectorId": 1}}, "Accepted"),
    ),
    "availability of all": (
        kinds.SetAvailability(values.Availability.AVAILABLE),
        ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}, "Accepted"),
        ("ChangeAvailability", {"operationalStatus": "Operative"}, "Accepted"),
    ),
    "trigger": (
        kinds.Trigger(values.RequestedMessage.HEARTBEAT),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}, "Rejected"),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}, "Rejected"),
    ),
    "set": (
        kinds.SetConfiguration("OCPPCommCtrlr.HeartbeatInterval", "60"),
        ("ChangeConfiguration", {"key": "OCPPCommCtrlr.HeartbeatInterval", "value": "60"}, "Accepted"),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "attributeValue": "60",
                        "component": {"name": "OCPPCommCtrlr"},
                        "variable": {"name": "HeartbeatInterval"},
                    }
                ]
            },
            "Accepted",
        ),
    ),
    "get": (
        kinds.GetConfiguration(("EVSE[main]@3.Power[max]",)),
        ("GetConfiguration", {"key": ["EVSE[main]@3.Power[max]"]}, "UnknownKey"),
        (
            "GetVariables",
            {
                "getVariableData": [
                    {
                        "component": {"name": "EVSE", "instance": "main", "evse": {"id": 3}},
                        "variable": {"name": "Power", "instance": "max"},
                    }
                ]
            },
            "UnknownVariable",
        ),
    ),
    "clear cache": (kinds.ClearCache(), ("ClearCache", {}, "Accepted"), ("ClearCache", {}, "Accepted")),
    "send list": (
        kinds.SendLocalList(3, (values.ListEntry("CARD", Authorization.ACCEPTED, UNTIL), values.ListEntry("GONE"))),
        (
            "SendLocalList",
            {
                "listVersion": 3,
                "updateType": "Full",
                "localAuthorizationList": [
                    {"idTag": "CARD", "idTagInfo": {"status": "Accepted", "expiryDate": WIRE_UNTIL}},
                    {"idTag": "GONE"},
                ],
            },
            "Accepted",
        ),
        (
            "SendLocalList",
            {
                "versionNumber": 3,
                "updateType": "Full",
                "localAuthorizationList": [
                    {"idToken": CARD, "idTokenInfo": {"status": "Accepted", "cacheExpiryDateTime": WIRE_UNTIL}},
                    {"idToken": {"idToken": "GONE", "type": "ISO14443"}},
                ],
            },
            "Accepted",
        ),
    ),
    "list version": (
        kinds.GetLocalListVersion(),
        ("GetLocalListVersion", {}, "Accepted"),
        ("GetLocalListVersion", {}, "Accepted"),
    ),
    "transfer data": (
        kinds.TransferData("ACME", "hello", "x"),
        ("DataTransfer", {"vendorId": "ACME", "messageId": "hello", "data": "x"}, "UnknownVendorId"),
        ("DataTransfer", {"vendorId": "ACME", "messageId": "hello", "data": "x"}, "UnknownVendorId"),
    ),
    "set profile": (
        kinds.SetChargingProfile(PROFILE, 1),
        (
            "SetChargingProfile",
            {
                "connectorId": 1,
                "csChargingProfiles": {
                    "chargingProfileId": 7,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "TxDefaultProfile",
                    "chargingProfileKind": "Recurring",
                    "recurrencyKind": "Daily",
                    "validTo": WIRE_UNTIL,
                    "chargingSchedule": {
                        "chargingRateUnit": "A",
                        "startSchedule": WIRE_UNTIL,
                        "chargingSchedulePeriod": PERIODS,
                    },
                },
            },
            "Accepted",
        ),
        (
            "SetChargingProfile",
            {
                "evseId": 1,
                "chargingProfile": {
                    "id": 7,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "TxDefaultProfile",
                    "chargingProfileKind": "Recurring",
                    "recurrencyKind": "Daily",
                    "validTo": WIRE_UNTIL,
                    "chargingSchedule": [
                        {
                            "id": 7,
                            "chargingRateUnit": "A",
                            "startSchedule": WIRE_UNTIL,
                            "chargingSchedulePeriod": PERIODS,
                        }
                    ],
                },
            },
            "Accepted",
        ),
    ),
    "clear profiles": (
        kinds.ClearChargingProfile(connector=1, purpose=values.Purpose.CHARGER, stack_level=2),
        (
            "ClearChargingProfile",
            {"connectorId": 1, "chargingProfilePurpose": "ChargePointMaxProfile", "stackLevel": 2},
            "Unknown",
        ),
        (
            "ClearChargingProfile",
            {
                "chargingProfileCriteria": {
                    "evseId": 1,
                    "chargingProfilePurpose": "ChargingStationMaxProfile",
                    "stackLevel": 2,
                }
            },
            "Unknown",
        ),
    ),
    "composite schedule": (
        kinds.GetCompositeSchedule(1, 600, values.Unit.WATTS),
        ("GetCompositeSchedule", {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"}, "Accepted"),
        ("GetCompositeSchedule", {"evseId": 1, "duration": 600, "chargingRateUnit": "W"}, "Accepted"),
    ),
    "reserve": (
        kinds.Reserve(12, "CARD", UNTIL, 1, parent_id_tag="FLEET"),
        (
            "ReserveNow",
            {
                "connectorId": 1,
                "expiryDate": WIRE_UNTIL,
                "idTag": "CARD",
                "parentIdTag": "FLEET",
                "reservationId": 12,
            },
            "Occupied",
        ),
        (
            "ReserveNow",
            {
                "id": 12,
                "expiryDateTime": WIRE_UNTIL,
                "idToken": CARD,
                "evseId": 1,
                "groupIdToken": {"idToken": "FLEET", "type": "ISO14443"},
            },
            "Occupied",
        ),
    ),
    "cancel reservation": (
        kinds.CancelReservation(12),
        ("CancelReservation", {"reservationId": 12}, "Accepted"),
        ("CancelReservation", {"reservationId": 12}, "Accepted"),
    ),
    "update firmware": (
        kinds.UpdateFirmware("https://firmware.example/1.bin", UNTIL, retries=2),
        (
            "UpdateFirmware",
            {"location": "https://firmware.example/1.bin", "retrieveDate": WIRE_UNTIL, "retries": 2},
            "Accepted",
        ),
        (
            "UpdateFirmware",
            {
                "requestId": "ID",
                "firmware": {"location": "https://firmware.example/1.bin", "retrieveDateTime": WIRE_UNTIL},
                "retries": 2,
            },
            "Accepted",
        ),
    ),
    "signed firmware": (
        kinds.UpdateFirmware("https://f.example/1", UNTIL, UNTIL, certificate="PEM", signature="c2ln"),
        (
            "SignedUpdateFirmware",
            {"requestId": "ID", "firmware": SIGNED_FIRMWARE},
            "Accepted",
        ),
        (
            "UpdateFirmware",
            {"requestId": "ID", "firmware": SIGNED_FIRMWARE},
            "Accepted",
        ),
    ),
    "diagnostics": (
        kinds.GetLog("ftp://logs.example/in", from_at=UNTIL),
        ("GetDiagnostics", {"location": "ftp://logs.example/in", "startTime": WIRE_UNTIL}, "Accepted"),
        (
            "GetLog",
            {
                "requestId": "ID",
                "logType": "DiagnosticsLog",
                "log": {"remoteLocation": "ftp://logs.example/in", "oldestTimestamp": WIRE_UNTIL},
            },
            "Accepted",
        ),
    ),
    "security log": (
        kinds.GetLog("ftp://logs.example/in", values.LogKind.SECURITY, until_at=UNTIL, retries=1),
        (
            "GetLog",
            {
                "requestId": "ID",
                "logType": "SecurityLog",
                "retries": 1,
                "log": {"remoteLocation": "ftp://logs.example/in", "latestTimestamp": WIRE_UNTIL},
            },
            "Accepted",
        ),
        (
            "GetLog",
            {
                "requestId": "ID",
                "logType": "SecurityLog",
                "retries": 1,
                "log": {"remoteLocation": "ftp://logs.example/in", "latestTimestamp": WIRE_UNTIL},
            },
            "Accepted",
        ),
    ),
}
TO_START = values.ChargingProfile(
    id=7, purpose=values.Purpose.SESSION, unit=values.Unit.WATTS, periods=(values.Period(0, 11_000.04),)
)
REFUSED = {"Rejected", "Unknown", "UnknownKey", "UnknownVariable", "UnknownVendorId", "Occupied"}


@VERSIONS
async def test_every_command_in_each_version(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        for wanted, in_16, in_2 in EACH.values():
            action, payload, word = in_16 if version == "ocpp1.6" else in_2
            charger.commands.clear()
            made = depot.command(charger.identity, wanted)
            done = await done_with(depot, made)
            assert list(charger.commands) == [(action, _with_id(payload, made))]
            assert done.state == (CommandState.REJECTED if word in REFUSED else CommandState.ACCEPTED), done
            assert Command.get_by_id(made).status == word
            assert done.sent_at is not None
            assert done.answered_at is not None
            assert done.sentence.endswith(".")


@pytest.mark.field(129, 135)
@VERSIONS
async def test_start_with_charging_profile(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        before = now()
        made = depot.command(charger.identity, kinds.StartCharging(depot.card().id_tag, 1, TO_START))
        done = await done_with(depot, made)
        assert (done.state, done.sentence) == (CommandState.ACCEPTED, "A session began.")
        ((action, payload),) = charger.commands
        assert action == ("RemoteStartTransaction" if version == "ocpp1.6" else "RequestStartTransaction")
        profile = payload["chargingProfile"]
        assert profile["chargingProfilePurpose"] == "TxProfile"
        assert "transactionId" not in profile
        schedule = profile["chargingSchedule"] if version == "ocpp1.6" else profile["chargingSchedule"][0]
        assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 11_000.0}]
        assert schedule["startSchedule"].endswith("Z")
        assert is_of_since(before, schedule["startSchedule"])


@pytest.mark.field(129)
@VERSIONS
async def test_profile_starts_as_its_kind_needs(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        number = (await charger.start_transaction(depot.card().id_tag)) and sessions(charger.identity)[0].number
        before = now()
        for kind in (values.ProfileKind.ABSOLUTE, values.ProfileKind.RELATIVE):
            profile = msgspec.structs.replace(TO_START, kind=kind)
            done = await done_with(
                depot, depot.command(charger.identity, kinds.SetChargingProfile(profile, 1, session=number))
            )
            assert done.state == CommandState.ACCEPTED
        profiles = [command.get("chargingProfile") or command["csChargingProfiles"] for _, command in charger.commands]
        schedules = [
            one["chargingSchedule"] if version == "ocpp1.6" else one["chargingSchedule"][0] for one in profiles
        ]
        assert is_of_since(before, schedules[0]["startSchedule"])
        assert "startSchedule" not in schedules[1]
        assert all(one["transactionId"] for one in profiles)


@pytest.mark.field(129)
@VERSIONS
@pytest.mark.parametrize("purpose", [values.Purpose.CHARGER, values.Purpose.DEFAULT])
async def test_recurring_profile_has_kind_and_start(depot: Depot, version: str, purpose: values.Purpose) -> None:
    starts_at = datetime(2026, 11, 23, 22, tzinfo=UTC)
    profile = msgspec.structs.replace(
        TO_START,
        purpose=purpose,
        kind=values.ProfileKind.RECURRING,
        recurrency=values.Recurrency.WEEKLY,
        starts_at=starts_at,
    )
    async with commanded_charger(depot, version) as charger:
        done = await done_with(depot, depot.command(charger.identity, kinds.SetChargingProfile(profile, 0)))
        assert done.state == CommandState.ACCEPTED
        ((_, payload),) = charger.commands
        sent = payload["csChargingProfiles"] if version == "ocpp1.6" else payload["chargingProfile"]
        schedule = sent["chargingSchedule"] if version == "ocpp1.6" else sent["chargingSchedule"][0]
        assert (sent["chargingProfileKind"], sent["recurrencyKind"]) == ("Recurring", "Weekly")
        assert datetime.fromisoformat(schedule["startSchedule"]) == starts_at
        assert "transactionId" not in sent


@pytest.mark.field(135)
@VERSIONS
async def test_reset_of_one_evse(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        done = await done_with(depot, depot.command(charger.identity, kinds.Reset(is_hard=True, connector=2)))
        if version == "ocpp1.6":
            words = "OCPP 1.6, which the charger speaks, cannot restart one connector, only the whole charger."
            assert (done.state, done.sentence) == (CommandState.REJECTED, words)
            assert not charger.commands
        else:
            assert done.state == CommandState.ACCEPTED
            assert list(charger.commands) == [("Reset", {"type": "Immediate", "evseId": 2})]


@VERSIONS
async def test_answer_kept_without_secrets(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        names = ("HeartbeatInterval", "WifiPassword") if version == "ocpp1.6" else ("A.HeartbeatInterval", "A.Password")
        charger.configuration.settings |= dict.fromkeys(names, "a-value")
        done = await done_with(depot, depot.command(charger.identity, kinds.GetConfiguration(names)))
        assert done.state == CommandState.ACCEPTED
        assert json.dumps(done.answer).count("a-value") == 1
        setting = kinds.SetConfiguration(names[1], "a-new-secret")
        done = await done_with(depot, depot.command(charger.identity, setting))
        assert charger.configuration.settings[names[1]] == "a-new-secret"
        assert done.arguments == {"key": names[1], "value": "***"}
        assert not any("a-new-secret" in entry.detail for entry in AuditEntry.select())
        upload = kinds.GetLog("ftp://me:a-password@logs.example/in")
        done = await done_with(depot, depot.command(charger.identity, upload))
        assert done.arguments["address"] == "ftp://***@logs.example/in"
        assert "a-password" in json.dumps(charger.commands[-1][1])


@pytest.mark.both_databases
@V2
async def test_base_report_parts_kept(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        charger.reports = False
        for _ in range(2):
            made = depot.command(charger.identity, kinds.GetConfiguration())
            done = await done_with(depot, made)
            assert done.state == CommandState.ACCEPTED
            assert charger.commands[-1] == ("GetBaseReport", {"requestId": made, "reportBase": "FullInventory"})
            for part in (1, 0, 2, 1):  # out of order, and one of them twice
                report = {"requestId": made, "seqNo": part, "generatedAt": "now", "tbc": part < 2}
                assert await charger.call("NotifyReport", report) == {}
            assert _parts(charger, "NotifyReport") == [(str(made), part) for part in range(3)]


@V2
@pytest.mark.parametrize("action", ["NotifyReport", "NotifyMonitoringReport", "NotifyCustomerInformation"])
async def test_report_parts_bounded(depot: Depot, version: str, action: str) -> None:
    async with commanded_charger(depot, version) as charger:
        for part in (0, 7, 100_000, 2_000_000):
            await charger.call(action, {"requestId": 1, "seqNo": part, "generatedAt": "now"})
        assert _parts(charger, action) == [("1", 0), ("1", 7), ("1", MAX_PARTS - 1)]
        await charger.call(action, {"requestId": 2, "seqNo": 3, "generatedAt": "now"})
        assert _parts(charger, action) == [("2", 3)]


@V2
async def test_event_parts_kept_until_next(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        for part in (0, 1, 2):
            await charger.call("NotifyEvent", {"seqNo": part, "generatedAt": "now", "eventData": []})
        assert _parts(charger, "NotifyEvent") == [("", 0), ("", 1), ("", 2)]
        await charger.call("NotifyEvent", {"seqNo": 0, "generatedAt": "then", "eventData": []})
        assert _parts(charger, "NotifyEvent") == [("", 0)]


async def test_unsayable_refused_in_words(depot: Depot) -> None:
    cases = {
        "ocpp1.6": [
            (kinds.GetTransactionStatus(), "OCPP 1.6, which the charger speaks, has no such command."),
            (
                kinds.Trigger(values.RequestedMessage.TRANSACTION),
                "OCPP 1.6, which the charger speaks, cannot ask for that",
            ),
            (kinds.StartCharging("X" * 21), "OCPP 1.6 refuses idTag: maxLength 20."),
            (
                kinds.StartCharging("KeyCode:1234"),
                "OCPP 1.6, which the charger speaks, has only cards, and no tokens of type KeyCode.",
            ),
        ],
        "ocpp2.0.1": [
            (kinds.StartCharging("X" * 37), "OCPP 2.0.1 refuses idToken.idToken: maxLength 36."),
            (kinds.SetConfiguration("HeartbeatInterval", "1"), "OCPP 2.x names a setting Component.Variable"),
        ],
        "ocpp2.1": [(kinds.StartCharging("X" * 37), "The charger accepted and is waiting for the car.")],
    }
    for version, refused in cases.items():
        async with commanded_charger(depot, version, starts=False) as charger:
            for wanted, words in refused:
                done = await once_out_of(depot, depot.command(charger.identity, wanted), "requested", "sent")
                assert done.sentence.startswith(words)
                if version != "ocpp2.1":
                    assert (done.state, done.sent_at) == (CommandState.REJECTED, None)
                    assert not charger.commands


@pytest.mark.field(57)
@VERSIONS
async def test_callerror_is_error(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        charger.on_command["Reset"] = OnCommand.ERROR
        done = await done_with(depot, depot.command(charger.identity, kinds.Reset()))
        assert (done.state, done.sentence) == (
            CommandState.ERROR,
            "The charger answered with an error: InternalError (The cable is locked).",
        )
        assert done.answer == {"lock": "stuck"}
        await charger.heartbeat()


@pytest.mark.parametrize("answer", [{}, {"status": "Perhaps"}, {"status": None}])
async def test_empty_answer_is_error(depot: Depot, answer: dict[str, Any]) -> None:
    async with commanded_charger(depot) as charger:
        charger.on_command["Reset"] = answer
        assert (await done_with(depot, depot.command(charger.identity, kinds.Reset()))).state == CommandState.ERROR


async def test_answer_without_settings_is_error(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        charger.on_command["GetConfiguration"] = {"configurationKey": "yes"}
        done = await done_with(depot, depot.command(charger.identity, kinds.GetConfiguration()))
        assert (done.state, done.sentence) == (
            CommandState.ERROR,
            "The charger answered, but its answer does not hold what it was asked for.",
        )


@VERSIONS
@pytest.mark.parametrize("answer", ['[3,"{}"]', '[4, "{}"]', '[3,"{}",{{"status":"Acc', '[3,"{}","yes"]'])
async def test_malformed_answer_ends_its_command(depot: Depot, version: str, answer: str) -> None:
    async with commanded_charger(depot, version) as charger:
        charger.on_command["Reset"] = OnCommand.SILENT
        made = depot.command(charger.identity, kinds.Reset())
        await charger.commanded.wait()
        [message_id] = [
            json.loads(frame)[1] for way, frame in charger.connection.frames if way == "received" and '"Reset"' in frame
        ]
        sent = answer.format(message_id)
        await charger.connection.send_raw(sent)
        done = await done_with(depot, made)
        assert done.state == CommandState.ERROR
        assert done.sentence.startswith("The charger answered, but its answer ")
        assert done.answer["answer"] in (sent, "yes")
        await charger.heartbeat()


@pytest.mark.both_databases
@pytest.mark.field(58)
@VERSIONS
async def test_timeout_and_late_answer(own_depot: Depot, processes: Processes, version: str) -> None:
    processes.bridge(COMMAND_ANSWER_S="1")
    async with commanded_charger(own_depot, version) as charger:
        charger.on_command["ClearCache"] = OnCommand.LATE
        made = own_depot.command(charger.identity, kinds.ClearCache())
        done = await done_with(own_depot, made)
        assert (done.state, done.sentence) == (CommandState.TIMED_OUT, "The charger did not answer in time.")
        await charger.answer_late()
        await until(lambda: own_depot.commanded(made).state == CommandState.ACCEPTED)


@pytest.mark.field(58)
@VERSIONS
async def test_connection_lost_before_answer_unknown(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        charger.on_command["Reset"] = OnCommand.DISCONNECT
        made = depot.command(charger.identity, kinds.Reset())
        assert (await done_with(depot, made)).state == CommandState.UNKNOWN
        await charger.connection.connected.wait()
        await charger.heartbeat()
        assert [action for action, _ in charger.commands] == ["Reset"]  # and it is not asked again


@pytest.mark.field(92)
@VERSIONS
async def test_disconnected_charger_offline_at_once(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        await charger.heartbeat()
    await until(lambda: row(charger.identity).connection_id is None)
    await until(lambda: not depot.listeners(charger.identity))
    assert depot.commanded(depot.command(charger.identity, kinds.Reset())).state == CommandState.OFFLINE
    async with commanded_charger(depot, version, identity=charger.identity) as back:
        await back.heartbeat()
        assert not back.commands  # nothing was queued for later


@pytest.mark.both_databases
@pytest.mark.field(56)
async def test_one_at_a_time_waiting_expire(own_depot: Depot, processes: Processes) -> None:
    """The first is not answered, so the others wait for as long, and one past its deadline: it is never sent."""
    processes.bridge(COMMAND_ANSWER_S="1")
    async with commanded_charger(own_depot) as charger:
        charger.on_command["Reset"] = OnCommand.SILENT
        askings = (own_depot, own_depot.without_patience(), own_depot)
        made = [asking.command(charger.identity, kinds.Reset()) for asking in askings]
        after = own_depot.command(charger.identity, kinds.ClearCache())  # it comes after all that was sent
        await until(lambda: own_depot.commanded(after).state == CommandState.ACCEPTED)
        done = [await done_with(own_depot, one) for one in made]
        assert {one.state for one in done} == {CommandState.TIMED_OUT}
        assert [one.sent_at is None for one in done] == [False, True, False]
        assert "was not sent at all" in done[1].sentence
        assert [action for action, _ in charger.commands] == ["Reset", "Reset", "ClearCache"]


@pytest.mark.field(56)
async def test_stop_goes_first(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        charger.on_command["Reset"] = OnCommand.LATE
        first = depot.command(charger.identity, kinds.Reset())
        await charger.commanded.wait()
        made = [depot.command(charger.identity, kinds.ClearCache()) for _ in range(5)]
        depot.request_stop(session(transaction.id))
        for _ in range(5):  # the bridge hears of the stop meanwhile: what Redis told it lay before it first
            await charger.heartbeat()
        await charger.answer_late()
        for command_id in (first, *made):
            assert (await done_with(depot, command_id)).state == CommandState.ACCEPTED
        await until(lambda: stop_state(transaction.id) == "completed")
        assert charger.commands[0][0] == "Reset"
        assert charger.commands[-1][0] == "ClearCache"  # in the order of asking the stop would be the last


@pytest.mark.both_databases
async def test_commands_per_charger_bounded(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        charger.on_command["Reset"] = OnCommand.SILENT
        made = [
            depot.ingest(lambda ingest: ingest.request_command(charger.identity, kinds.Reset(), "olga", now()))
            for _ in range(17)
        ]
        assert made[-1] is CommandRefusal.TOO_MANY
        assert all(isinstance(one, int) for one in made[:-1])


@pytest.mark.field(65)
async def test_replaced_connection_fails_its_command(depot: Depot) -> None:
    async with commanded_charger(depot, reconnects=False) as old:
        old.on_command["Reset"] = OnCommand.SILENT
        made = depot.command(old.identity, kinds.Reset())
        await old.commanded.wait()
        async with commanded_charger(depot, identity=old.identity) as new:
            await new.heartbeat()
            assert (await done_with(depot, made)).state == CommandState.UNKNOWN
            assert (await done_with(depot, depot.command(new.identity, kinds.Reset()))).state == CommandState.ACCEPTED
            assert (len(old.commands), len(new.commands)) == (1, 1)


@pytest.mark.both_databases
@pytest.mark.field(95)
@VERSIONS
async def test_start_done_when_session_begins(depot: Depot, version: str) -> None:
    card = depot.card()
    async with commanded_charger(depot, version) as charger:
        made = depot.command(charger.identity, kinds.StartCharging(card.id_tag, 2))
        done = await done_with(depot, made)
        began = sessions(charger.identity)[0]
        assert (done.state, done.sentence, done.session) == (CommandState.ACCEPTED, "A session began.", began.number)
        assert (began.connector, began.id_tag, began.account_id) == (2, card.id_tag, card.account_id)


@pytest.mark.field(95)
@VERSIONS
async def test_accepted_start_never_begins(depot: Depot, version: str) -> None:
    card, other = depot.card(), depot.card()
    async with commanded_charger(depot, version, starts=False) as charger:
        made = depot.command(charger.identity, kinds.StartCharging(card.id_tag, 1))
        waits = await once_out_of(depot, made, "requested", "sent")
        assert (waits.state, waits.sentence) == (
            CommandState.PROMISED,
            "The charger accepted and is waiting for the car.",
        )
        await charger.start_transaction(other.id_tag, connector=1)  # another card's is not what was promised
        command_runs_out(made)
        done = depot.commanded(made)
        assert (done.state, done.session) == (CommandState.TIMED_OUT, None)
        assert done.sentence == "The charger accepted, but no session began in time."
        if version == "ocpp1.6":  # late, and still what was asked for
            await charger.start_transaction(card.id_tag.lower(), connector=1)
            assert depot.commanded(made).session == sessions(charger.identity)[-1].number


@pytest.mark.field(95)
@V2
async def test_v2_start_known_by_id(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version, starts=False) as charger:
        made = depot.command(charger.identity, kinds.StartCharging("KeyCode:1234"))
        await once_out_of(depot, made, "requested", "sent")
        asked = charger.commands[0][1]
        assert asked == {"idToken": {"idToken": "1234", "type": "KeyCode"}, "remoteStartId": made}
        started = await charger.start_transaction("ANOTHER", connector=3)
        info = {"remoteStartId": made}  # the cable came first, and the card with the second event
        await charger.send_event(started, "Updated", "RemoteStart", info)
        done = depot.commanded(made)
        assert (done.state, done.session) == (CommandState.ACCEPTED, sessions(charger.identity)[0].number)


@pytest.mark.field(96)
@pytest.mark.parametrize(
    ("version", "word", "sentence"),
    [
        ("ocpp1.6", "Unlocked", "The connector is unlocked."),
        ("ocpp1.6", "UnlockFailed", "The charger could not unlock the connector."),
        ("ocpp1.6", "NotSupported", "The charger cannot do that."),
        ("ocpp2.0.1", "UnlockFailed", "The charger could not unlock the connector."),
        ("ocpp2.1", "OngoingAuthorizedTransaction", "The charger refused: a session goes on there"),
        ("ocpp2.1", "UnknownConnector", "The charger has no such connector."),
    ],
)
async def test_unlock_answers_in_words(depot: Depot, version: str, word: str, sentence: str) -> None:
    async with commanded_charger(depot, version) as charger:
        charger.on_command["UnlockConnector"] = {"status": word}
        done = await done_with(depot, depot.command(charger.identity, kinds.Unlock(1)))
        assert (done.state == CommandState.ACCEPTED) is (word == "Unlocked")
        assert done.sentence.startswith(sentence)


@pytest.mark.both_databases
@pytest.mark.field(86)
@V2
async def test_transaction_status_queued(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        started = await charger.start_transaction(depot.card().id_tag)
        number = sessions(charger.identity)[0].number
        about = kinds.GetTransactionStatus(number)
        done = await done_with(depot, depot.command(charger.identity, about))
        assert charger.commands[-1] == ("GetTransactionStatus", {"transactionId": started.id})
        assert done.sentence == "The session goes on at the charger."
        for said, sentence in (
            ({"messagesInQueue": True, "ongoingIndicator": False}, "The charger still has messages to send."),
            ({"messagesInQueue": False, "ongoingIndicator": False}, "The session is over at the charger"),
        ):
            charger.on_command["GetTransactionStatus"] = said
            done = await done_with(depot, depot.command(charger.identity, about))
            assert done.sentence.startswith(sentence)
        stuck = depot.ingest(lambda ingest: [one for one in ingest.stuck(now()) if one.number == number])
        assert "no message of it is left to be sent" in stuck[0].evidence[0]
        del charger.on_command["GetTransactionStatus"]
        for register_wh in (500, 600):  # it was not over; the bridge asks too, and may just have heard it
            await charger.meter_values(started, register_wh)
        assert not depot.ingest(lambda ingest: [one for one in ingest.stuck(now()) if one.number == number])
        assert session(number).state == "active"
        done = await done_with(depot, depot.command(charger.identity, kinds.GetTransactionStatus()))
        assert done.sentence == "The charger has no messages left to send."


async def test_session_of_another_charger(depot: Depot) -> None:
    async with depot.charger_v2() as charger, depot.charger_v2() as other:
        await other.start_transaction(depot.card().id_tag)
        number = sessions(other.identity)[0].number
        refusal = depot.ingest(
            lambda ingest: ingest.request_command(charger.identity, kinds.GetTransactionStatus(number), "olga", now())
        )
        assert refusal is CommandRefusal.NO_SUCH_SESSION
        assert (
            depot.ingest(lambda ingest: ingest.request_command("nobody", kinds.Reset(), "olga", now()))
            is CommandRefusal.NOT_FOUND
        )


def _with_id(payload: dict[str, Any], command_id: int) -> dict[str, Any]:
    return {name: command_id if value == "ID" else value for name, value in payload.items()}


def _parts(charger: Charger, topic: str) -> list[tuple[str, int]]:
    query = ChargerNotice.select().where(ChargerNotice.charger == row(charger.identity), ChargerNotice.topic == topic)
    return [(notice.request, notice.part) for notice in query.order_by(ChargerNotice.part)]

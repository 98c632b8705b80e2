"""A charger's settings in every version: asked for, kept whole, and the same kind of list."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_bridge.versions import timestamps
from polaris.domain.commands import catalog as kinds
from polaris.domain.enums import Alarm
from polaris.ingest import SettingsView
from polaris.ingest.facts.notices import MAX_REPORT_LENGTH, MAX_REPORTS
from polaris.models import ChargerNotice, Connector
from simulator.connection import Payload
from tests.support.commanding import commanded_charger, done_with
from tests.support.depot import Depot, now, row, until

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
V2 = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])


def settings_of(depot: Depot, charger: Any) -> SettingsView:
    return depot.ingest(lambda ingest: ingest.settings(charger.identity))


def named(view: SettingsView) -> dict[str, tuple[str, str]]:
    return {setting.name: (setting.described, setting.access) for setting in view.settings}


def part(number: int, data: list[Payload], *, request: int, more: bool) -> Payload:
    return {
        "requestId": request,
        "generatedAt": timestamps.wire(now()),
        "seqNo": number,
        "tbc": more,
        "reportData": data,
    }


def variable(number: int, value: str = "x") -> Payload:
    return {
        "component": {"name": f"Controller{number // 40}", "evse": {"id": number % 4 + 1}},
        "variable": {"name": f"Variable{number}"},
        "variableAttribute": [{"type": "Actual", "value": value, "mutability": "ReadWrite", "persistent": True}],
        "variableCharacteristics": {"dataType": "string", "supportsMonitoring": False},
    }


@pytest.mark.both_databases
@pytest.mark.field(134)
@VERSIONS
async def test_all_settings_kept_as_list(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        assert settings_of(depot, charger) == SettingsView()
        made = depot.command(charger.identity, kinds.GetConfiguration())
        await done_with(depot, made)
        await until(lambda: (seen := settings_of(depot, charger)).request == str(made) and seen.is_complete)
        listed = named(settings_of(depot, charger))
        assert listed["HeartbeatInterval"] == ("300", "read and write")
        if version == "ocpp1.6":
            assert listed["NumberOfConnectors"] == ("4", "read only")
        else:
            assert listed["ItemsPerMessage"] == ("10", "read only")
            assert listed["Power"] == ("0 W, at most 22000 W", "read only")


@pytest.mark.field(134)
@VERSIONS
async def test_several_settings_in_one_command(depot: Depot, version: str) -> None:
    names = ("HeartbeatInterval", "NumberOfConnectors", "Nonsense")
    if version != "ocpp1.6":
        names = ("OCPPCommCtrlr.HeartbeatInterval", "DeviceDataCtrlr.ItemsPerMessage", "No.Nonsense")
    async with commanded_charger(depot, version) as charger:
        made = depot.command(charger.identity, kinds.GetConfiguration())
        await done_with(depot, made)
        await until(lambda: settings_of(depot, charger).request == str(made))
        charger.configuration.settings[names[0]] = "60"
        await done_with(depot, depot.command(charger.identity, kinds.GetConfiguration(names)))
        listed = named(settings_of(depot, charger))
        assert listed["HeartbeatInterval"] == ("60", "read and write")  # the newer one, in the list that was there
        assert names[1].rpartition(".")[2] in listed
        assert "Nonsense" not in listed


@pytest.mark.both_databases
@pytest.mark.field(134)
@V2
async def test_large_report_kept_whole(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        for request in (1, 2):  # the second replaces the first
            for number in range(100):
                data = [variable(number * 40 + index, "x" * 90) for index in range(40)]
                assert await charger.call("NotifyReport", part(number, data, request=request, more=number < 99)) == {}
                if number == 50:
                    assert not settings_of(depot, charger).is_complete
        seen = settings_of(depot, charger)
        assert (len(seen.settings), seen.is_complete, seen.request) == (4000, True, "2")
        assert {setting.evse for setting in seen.settings} == {1, 2, 3, 4}


async def test_thousands_of_settings_kept(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        charger.configuration.settings.update({f"Vendor{n:04}": "v" * 20 for n in range(5000)})
        made = depot.command(charger.identity, kinds.GetConfiguration())
        assert (await done_with(depot, made)).state == "accepted"
        seen = settings_of(depot, charger)
        assert (len(seen.settings) > 5000, seen.is_complete) == (True, True)
        await charger.heartbeat()


async def test_too_long_answer_told(depot: Depot) -> None:
    async with commanded_charger(depot) as charger:
        charger.configuration.settings.update({f"Vendor{n:04}": "v" * 300 for n in range(5000)})
        made = await done_with(depot, depot.command(charger.identity, kinds.GetConfiguration()))
        assert made.state == "unknown"
        assert "more than a megabyte" in made.sentence
        charger_id = row(charger.identity)
        await until(lambda: ChargerNotice.get_or_none(charger=charger_id, topic=Alarm.TOO_LONG))


@pytest.mark.field(134)
@V2
async def test_endless_report_bounded(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        for number in range(20):
            data = [variable(number * 80 + index, "x" * 2500) for index in range(80)]
            assert await charger.call("NotifyReport", part(number, data, request=1, more=number < 19)) == {}
        kept = ChargerNotice.select().where(ChargerNotice.charger == row(charger.identity))
        assert sum(len(notice.payload) for notice in kept) < MAX_REPORT_LENGTH + 1000
        seen = settings_of(depot, charger)
        assert len(seen.settings) > 1000
        assert not seen.is_complete


@pytest.mark.field(134)
@V2
async def test_missing_part_told(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        await charger.call("NotifyReport", part(0, [variable(1)], request=1, more=True))
        await charger.call("NotifyReport", part(2, [variable(3)], request=1, more=False))
        assert not settings_of(depot, charger).is_complete
        await charger.call("NotifyReport", part(1, [variable(2)], request=1, more=True))
        seen = settings_of(depot, charger)
        assert ([setting.name for setting in seen.settings], seen.is_complete) == (
            ["Variable1", "Variable2", "Variable3"],
            True,
        )
        assert not Connector.select().where(Connector.charger == row(charger.identity)).exists()


@pytest.mark.both_databases
@pytest.mark.field(134)
@V2
@pytest.mark.parametrize("request_id", [None, "seven", -1, 999_999, 2**70])
async def test_unasked_report_deletes_nothing(depot: Depot, version: str, request_id: object) -> None:
    """It may be about a few variables (OCPP 2.0.1, B08): it adds to the list, of whatever request it says to be."""
    async with commanded_charger(depot, version) as charger:
        made = depot.command(charger.identity, kinds.GetConfiguration())
        await done_with(depot, made)
        await until(lambda: (seen := settings_of(depot, charger)).request == str(made) and seen.is_complete)
        before = named(settings_of(depot, charger))
        for more in (True, False):
            report = part(0, [variable(1), variable(2, str(more))], request=0, more=more) | {"requestId": request_id}
            await charger.call("NotifyReport", {key: value for key, value in report.items() if value is not None})
            seen = settings_of(depot, charger)
            assert named(seen) == before | {
                "Variable1": ("x", "read and write"),
                "Variable2": (str(more), "read and write"),
            }
            assert (seen.request, seen.is_complete) == (str(made), True)
        again = depot.command(charger.identity, kinds.GetConfiguration())
        await done_with(depot, again)
        await until(lambda: (seen := settings_of(depot, charger)).request == str(again) and seen.is_complete)
        assert named(settings_of(depot, charger)) == before  # a whole report replaces all before it


@pytest.mark.field(134)
@V2
async def test_report_replaces_only_when_whole(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        made = [depot.command(charger.identity, kinds.GetConfiguration()) for _ in "ab"]
        for command in made:
            await done_with(depot, command)
        await until(lambda: (seen := settings_of(depot, charger)).request == str(made[1]) and seen.is_complete)
        before = named(settings_of(depot, charger))
        ChargerNotice.update(request=str(made[0])).where(ChargerNotice.charger == row(charger.identity)).execute()
        await charger.call("NotifyReport", part(0, [variable(1)], request=made[1], more=True))
        seen = settings_of(depot, charger)
        assert before.items() < named(seen).items()
        assert not seen.is_complete
        await charger.call("NotifyReport", part(1, [variable(2)], request=made[1], more=False))
        assert [setting.name for setting in settings_of(depot, charger).settings] == ["Variable1", "Variable2"]


@pytest.mark.field(134)
@V2
async def test_reports_of_made_up_requests_bounded(depot: Depot, version: str) -> None:
    async with commanded_charger(depot, version) as charger:
        whole = [variable(number) for number in range(40)]
        for number in range(2):
            await charger.call("NotifyReport", part(number, whole, request=1, more=number == 0))
        for request in range(2, MAX_REPORTS + 5):
            await charger.call("NotifyReport", part(0, [variable(99, str(request))], request=request, more=False))
        assert named(settings_of(depot, charger)).keys() == {f"Variable{number}" for number in (*range(40), 99)}
        assert named(settings_of(depot, charger))["Variable99"][0] == str(MAX_REPORTS + 4)
        assert ChargerNotice.select().where(ChargerNotice.charger == row(charger.identity)).count() == MAX_REPORTS + 1

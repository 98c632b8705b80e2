"""A new charger is commissioned in Chromium, by keyboard: it does all that is asked, or hardly anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from polaris.domain.recommended_settings import RECOMMENDED
from simulator.charger import Charger, OnRemoteStop
from simulator.charger_v2 import ChargerV2
from tests.support import cast as cast_
from tests.support.cast import ChargerInfo
from tests.system.world import ChargerInTown, World

VERSIONS = pytest.mark.parametrize("kind", [Charger, ChargerV2], ids=["1.6", "2.0.1"])
INTERVAL = {Charger: "MeterValueSampleInterval", ChargerV2: "SampledDataCtrlr.TxUpdatedInterval"}


@pytest.fixture
def info(world: World) -> ChargerInfo:
    """A charger that has never connected."""
    return cast_.add_charger(world.config, f"new-{world.cast.depot_7.identity}")


@pytest.fixture
def new(world: World, kind: type[Charger], info: ChargerInfo) -> Iterator[ChargerInTown]:
    charger = ChargerInTown(world.bridge.url, info.identity, info.key, kind=kind)
    yield charger
    charger.close()


class Run:
    """The page of a charger's commissioning. Every check waits, and none reloads."""

    def __init__(self, page: Page, identity: str) -> None:
        self.page = page
        page.goto(f"/fleet/{identity}")
        self.follow("Commission")
        self.follow("Begin the commissioning")
        self.press("Begin the commissioning")
        self.is_live()

    def is_live(self) -> None:
        expect(self.page.locator("#stream")).to_have_attribute("data-status", "live")

    def follow(self, name: str) -> None:
        link = self.page.get_by_role("link", name=name, exact=True)
        link.focus()
        self.page.keyboard.press("Enter")
        self.page.wait_for_load_state()

    def press(self, name: str) -> None:
        button = self.page.get_by_role("main").get_by_role("button", name=name, exact=True)
        button.focus()
        self.page.keyboard.press("Enter")
        self.page.wait_for_load_state()

    def step(self, number: int) -> Locator:
        return self.page.locator(".run__step").nth(number - 1)

    def shows(self, number: int, result: str, words: str = "") -> None:
        expect(self.step(number)).to_have_attribute("data-status", result)
        expect(self.step(number)).to_contain_text(words)

    def end(self, outcome: str) -> None:
        self.follow("End the commissioning and keep its report")
        self.press("End the commissioning and keep its report")
        expect(self.page.get_by_role("main")).to_contain_text(f"The last run: {outcome}")


@VERSIONS
def test_good_mood(world: World, info: ChargerInfo, new: ChargerInTown, kind: type[Charger]) -> None:
    run = Run(world.sign_in(world.cast.olga), info.identity)
    run.shows(1, "waiting", "Give the charger its address, identity and key.")
    place = list(INTERVAL).index(kind)  # of a version's name of a setting
    new.configure({each.names[place]: each.value for each in RECOMMENDED} | {INTERVAL[kind]: "900"})
    new.connect()
    run.shows(1, "passed")
    run.shows(2, "passed", "It has started up and told us.")
    run.shows(3, "passed")
    new.status("Available")
    run.shows(4, "passed", "1: Available.")

    world.commands_arrive(info.identity)
    run.press("Read its settings")
    run.shows(5, "failed", f"Not as recommended: {INTERVAL[kind]}.")
    run.press(f"Set {INTERVAL[kind]} to 10")
    run.press("Read its settings")
    run.shows(5, "passed", "As recommended.")

    new.start(world.cast.ada.id_tag)
    run.shows(6, "passed")
    for energy_wh in (100, 200):
        new.deliver(energy_wh, power_w=7000)
    run.shows(7, "passed", "0.20 kWh.")
    run.step(8).get_by_role("button").press("Enter")
    run.shows(8, "passed", "s after it was asked to.")
    run.is_live()
    run.press("Unlock connector 1")
    run.shows(9, "passed", "It released the cable.")
    run.end("in order, with remarks")


@VERSIONS
def test_bad_mood(world: World, info: ChargerInfo, new: ChargerInTown, kind: type[Charger]) -> None:
    run = Run(world.sign_in(world.cast.olga), info.identity)
    new.respond(UnlockConnector={"status": "UnlockFailed"}, Reset={"status": "Rejected"})
    new.obey(OnRemoteStop.REJECT)
    new.connect()
    world.commands_arrive(info.identity)
    new.status("Faulted")
    run.shows(4, "failed", "Mend the fault")
    run.press("Unlock connector 1")
    run.shows(9, "failed", "It did not release the cable.")
    new.status("Available")
    run.shows(4, "passed")
    new.start(world.cast.ada.id_tag)
    run.step(8).get_by_role("button").press("Enter")
    run.shows(8, "failed", "drivers would have to stop at the charger")
    new.end()
    run.shows(7, "failed", "charge for longer")
    run.end("not in order")

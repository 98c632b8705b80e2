"""The scene of the screenshots: beside the demo's chargers one that charges, and everything that pages can show."""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from polaris.demo import OPERATOR
from polaris.domain.arguments import read
from polaris.domain.commands.catalog import ChargerCommand, ClearCache, GetConfiguration, Reset, SetConfiguration
from polaris.domain.fleet_query import Query
from polaris.ingest.requests import RequestTerms
from polaris.services import Services
from polaris.verbs import GROUPS, bulk, perform
from polaris.verbs.verb import Done, Notifications, Request
from simulator.charger import Charger, samples
from simulator.curve import Battery

MINUTES, STEP_S = 42, 30
PASSWORD = "correct horse battery"  # noqa: S105 - of people in pictures
SETTINGS = {
    "AuthorizeRemoteTxRequests": "true",
    "ConnectionTimeOut": "120",
    "LocalAuthListEnabled": "true",
    "MeterValueSampleInterval": "900",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,SoC",
    "StopTransactionOnEVSideDisconnect": "true",
    "StopTransactionOnInvalidId": "true",
    "UnlockConnectorOnEVSideDisconnect": "true",
    "WebSocketPingInterval": "60",
}


@dataclass
class Scene:
    """A running Polaris with the demo, which is filled; `places` are numbers and links of what is in it."""

    services: Services
    bridge_url: str
    places: dict[str, str] = field(default_factory=dict)

    def do(self, verb: str, *, link: str = "", **values: str) -> Done:
        """Perform a verb as the operator; `link` names the link that it makes, if any."""
        group, _, name = verb.partition(" ")
        found = GROUPS[group][name]
        done = perform(self.services, found, read(found.type, values, is_text=True), actor=OPERATOR, now=_now())
        if link:
            self.places[link] = next(iter(done.links.values()))
        return done

    def send(self, identity: str, command: ChargerCommand, terms: RequestTerms | None = None) -> int:
        made = self.services.ingest.request_command(identity, command, OPERATOR, _now(), terms or RequestTerms())
        if not isinstance(made, int):
            raise RuntimeError(f"{command} was not sent: {made}")
        return made


def prepare(scene: Scene) -> Charger:
    """Make people, sites and prices; return a charger that is new."""
    for email, card in (("ada@example.com", "04A2B3C4D5E6F7"), ("ben@example.com", "04C1D2E3F40516")):
        scene.do("account add", email=email, password=PASSWORD)
        scene.do("card add", email=email, id_tag=card)
    scene.do("account status", email="ben@example.com", status="suspended")
    scene.do("account invite", link="invitation", email="new@example.com")
    scene.do("card block", id_tag="04C1D2E3F40516")
    scene.do("site set", name="Harbour", address="Harbour Street 1")
    scene.do("fleet save-filter", name="Out of order", query="state=Faulted")
    scene.do("fleet add-wall", link="wall", name="Office", days="90")
    scene.do("fleet add-wall", link="screen", name="Hall", days="90")
    key = scene.do("charger add", identity="depot-2", name="Depot 2").secrets["depot-2"]
    return Charger(scene.bridge_url, "depot-2", key, reconnects=False)


async def play(scene: Scene, charger: Charger) -> None:
    """Let the new charger, which is connected, do what an operator may see, and a stranger knock."""
    identity = charger.identity
    charger.configuration.settings |= SETTINGS
    scene.do("charger commission", identity=identity)
    await charger.boot()
    scene.do("charger skip-step", identity=identity, step="unlocked", reason="A fixed cable")
    scene.do("charger end-commission", identity=identity)
    scene.do("charger commission", identity=identity)
    scene.do("charger link-electrician", link="electrician", identity=identity, hours="24")
    await charger.status(1, "Charging")
    scene.places["running"] = str(await charge(charger, "04A2B3C4D5E6F7"))
    await charger.status(2, "Faulted", "GroundFailure", "residual current 32 mA")
    for _ in range(2):
        await charger.authorize("04D9E8F7A6B5C4")
    await knock(scene.bridge_url, "yard-1", "a-key-that-the-charger-has")
    await _command(scene, charger)


async def _command(scene: Scene, charger: Charger) -> None:
    identity = charger.identity
    charger.on_command["ChangeConfiguration"] = {"status": "RebootRequired"}
    scene.send("depot-1", GetConfiguration())  # to be compared with
    scene.send(identity, GetConfiguration())
    await _answered(charger, "GetConfiguration")
    scene.places["command"] = str(scene.send(identity, SetConfiguration("MeterValueSampleInterval", "30")))
    await _answered(charger, "ChangeConfiguration")
    scene.send(identity, Reset(), RequestTerms(is_dry_run=True))
    request = Request(scene.services, Notifications(), OPERATOR, _now())
    for name in ("done", "draft"):
        scene.places[name] = str(bulk.dry_run(request, ClearCache(), Query(), may_interrupt=False))
    scene.do("bulk start", number=scene.places["done"])
    await _answered(charger, "ClearCache")


async def charge(charger: Charger, card: str) -> int:
    """Send a session that began `MINUTES` ago and goes on; return its number."""
    began, battery = _now() - timedelta(minutes=MINUTES), Battery(0)
    noise = random.Random(7)  # noqa: S311 - it draws a picture
    start = {"connectorId": 1, "idTag": card, "meterStart": 0, "timestamp": began.isoformat()}
    number: int = (await charger.call("StartTransaction", start))["transactionId"]
    for second in range(STEP_S, MINUTES * 60 + 1, STEP_S):
        power_w = battery.charge(STEP_S, noise.uniform(-1, 1))
        sampled = samples(round(battery.register_wh), power_w, round(battery.soc_percent), "Sample.Periodic")
        value = {"timestamp": (began + timedelta(seconds=second)).isoformat(), "sampledValue": sampled}
        await charger.call("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]})
    return number


async def knock(bridge_url: str, identity: str, key: str) -> None:
    """Ask to connect as a charger that is not known."""
    headers: Mapping[str, str] = {"Authorization": f"Basic {b64encode(f'{identity}:{key}'.encode()).decode()}"}
    try:
        async with connect(
            f"{bridge_url}/{identity}", subprotocols=[Subprotocol("ocpp1.6")], additional_headers=headers
        ):
            raise RuntimeError(f"{identity} was let in")
    except InvalidStatus:
        pass


async def _answered(charger: Charger, action: str) -> None:
    """Wait until the charger has got a command."""
    async with asyncio.timeout(20):
        while action not in [name for name, _ in charger.commands]:
            charger.commanded.clear()
            await charger.commanded.wait()


def _now() -> datetime:
    return datetime.now(UTC)

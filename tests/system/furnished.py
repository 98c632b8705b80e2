"""Owns a Polaris in which each page has something to show, and the addresses of its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from polaris import administration, attention, link_tokens, unsubscribing
from polaris.administration import COMMAND_LINE, own_passwords, walls
from polaris.commissioning import links, runs
from polaris.config import Config
from polaris.domain import bulk
from polaris.domain.arguments import Argument
from polaris.domain.commands import parameters
from polaris.domain.commands.catalog import KINDS, ClearCache, GetConfiguration, Reset
from polaris.domain.commissioning import Step
from polaris.domain.enums import CommandState, Role
from polaris.domain.fleet_query import Query
from polaris.ingest.bulk_commands import BulkCommands
from polaris.ingest.requests import RequestTerms
from polaris.models import AuthenticatorApp, Command, Passkey, PasswordReset, RecoveryCode, UnknownCard, blocking
from polaris.services import NAME, Services
from polaris.verbs import GROUPS, Verb
from tests.support import apps
from tests.support.cast import ACTOR, Person, add_charger, add_person, now
from tests.support.wait import eventually
from tests.system.world import World

BAD_SETTINGS = {"MeterValueSampleInterval": "900", "StopTransactionOnEVSideDisconnect": "false"}
LONG_IDENTITY = "i" * 48


@dataclass(frozen=True)
class Places:
    """The numbers and links of a world, and the pages that they lead to."""

    charger: str = "depot-7"
    other_charger: str = "depot-8"
    ada: int = 1
    long: int = 4  # a person with a long address
    running: int = 3
    ended: int = 1
    left: int = 2  # a session that its charger never ended
    command: int = 1
    tap: int = 1  # of a card that nobody has
    bulk: int = 1
    report: int = 1  # of a commissioning that is over
    matter: str = "x"  # that needs a person
    invitation: str = "x"
    password: str = "x"
    unsubscribing: str = "x"
    wall: str = "x"
    screen: str = "x"  # the link of another wall
    electrician: str = "x"

    def of_nobody(self) -> tuple[str, ...]:
        return (
            "/sign-in",
            "/offline",
            "/forgotten-password",
            "/nowhere",
            f"/invitations/{self.invitation}",
            f"/password/{self.password}",
            f"/unsubscribe/{self.unsubscribing}",
            "/invitations/used",
            f"/wall/{self.wall}",
            f"/electrician/{self.electrician}",
        )

    def of_driver(self) -> tuple[str, ...]:
        return (
            "/",
            "/?by=month",
            *_sessions(self.running, self.ended, self.left),
            f"/sessions/{self.running}/limit",
            f"/start/{self.charger}/2",
            "/sessions?status=completed&from=2026-02-30",
            "/sessions?status=completed&charger=nowhere",
            f"/sessions/{self.ended}/receipt",
            "/cards",
            "/cards/1/limit",
            "/cards/1/name",
            "/cards/1/lost",
            f"/cards/taps/{self.tap}?{urlencode({'ends': '…C3D4'})}",
            "/account",
            "/account/export",
            "/account/password",
            "/account/deletion",
            "/account/notifications",
            "/account/second-factor",
            "/account/second-factor/app",
            "/account/second-factor/passkeys",
            "/confirm",
        )

    def of_operator(self) -> tuple[str, ...]:
        return (
            "/fleet",
            "/fleet?text=nothing-like-it",
            *_sessions(self.running, self.ended),
            "/sessions?status=completed&driver=nobody",
            "/bulk",
            f"/bulk/{self.bulk}",
            "/walls",
            "/attention",
            f"/attention/acknowledge?{urlencode({'key': self.matter})}",
        )

    def of_lists(self) -> tuple[str, ...]:
        return (
            "/people",
            f"/people/{self.ada}",
            f"/people/{self.long}",
            "/cards",
            "/cards/import",
            "/tariffs",
            "/tariffs/new",
            "/tariffs/preview?site=Main&per_kwh=0.55",
            "/sites",
            "/sites/1",
            "/sites/1/qr",
            "/sites/2",
            "/audit",
            "/audit?actor=nobody",
            "/account",
        )

    def of_chargers(self) -> tuple[str, ...]:
        charger = f"/fleet/{self.charger}"
        return (
            charger,
            f"/fleet/{self.other_charger}",
            f"/fleet/{LONG_IDENTITY}",
            f"{charger}/settings/compare",
            f"{charger}/settings/compare?with={self.other_charger}",
            f"{charger}/settings/compare?baseline=Good",
            f"{charger}/messages",
            f"{charger}/messages?text=nothing",
            f"{charger}/behaviour",
            f"{charger}/commands",
            f"{charger}/commands/{self.command}",
            f"{charger}/commission",
            f"{charger}/commission/{self.report}",
            f"/fleet/{LONG_IDENTITY}/commission",
            f"/actions/charger/block?identity={LONG_IDENTITY}",
        )

    def of_forms(self) -> tuple[str, ...]:
        """Forms that are made from the catalogs: of each, as many as show all that a form can have."""
        charger, targets = f"/fleet/{self.charger}/commands", self._targets()
        commands = {f"{charger}/{kind}": _parts(parameters.of(kind)) for kind in KINDS}
        bulks = {f"/bulk/new/{kind}": _parts(parameters.of(kind)) for kind in bulk.KINDS}
        verbs = {
            f"/actions/{group}/{name}?{targets[group]}": _parts(verb.arguments) | _named(verb)
            for group in targets
            for name, verb in GROUPS[group].items()
        }
        return (*_enough(commands), *_enough(bulks), *_enough(verbs))

    def of_factors(self) -> tuple[str, ...]:
        """The pages of an account with a second factor."""
        return (
            "/account/second-factor",
            "/account/second-factor/recovery-codes",
            "/account/second-factor/app/removal",
            "/account/second-factor/passkeys/1/removal",
        )

    def _targets(self) -> dict[str, str]:
        return {
            "account": "email=ada@example.com",
            "bulk": f"number={self.bulk}",
            "card": "id_tag=ADA-1",
            "charger": f"identity={self.charger}",
            "fleet": "name=Faults",
            "session": f"number={self.running}",
            "site": "name=Main",
        }


def _sessions(*numbers: int) -> tuple[str, ...]:
    return ("/sessions", *(f"/sessions/{number}{page}" for number in numbers for page in ("", "/why")))


def _parts(arguments: tuple[Argument, ...]) -> frozenset[str]:
    return frozenset(argument.kind for argument in arguments)


def _named(verb: Verb) -> frozenset[str]:
    parts = {"warning": verb.warning, "present": verb.present, "choices": verb.choices, "lines": verb.lines}
    return frozenset(name for name, part in parts.items() if part)


def _enough(forms: Mapping[str, frozenset[str]]) -> list[str]:
    """The forms with a part that none before them has."""
    shown: set[str] = set()
    enough = []
    for path, parts in forms.items():
        if not parts <= shown:
            enough.append(path)
            shown |= parts
    return enough


def furnish(world: World) -> Places:
    """Let people, a charger and strangers do what fills the pages."""
    world.charger.configure(BAD_SETTINGS)
    with apps.running(world.config) as app:
        services: Services = app.extensions[NAME]
        identity = world.cast.depot_7.identity
        return Places(
            charger=identity,
            other_charger=add_charger(world.config, "depot-8", name="Depot 8").identity,
            ada=world.cast.ada.id,
            long=_add_long(world),
            report=_commission(identity),
            ended=_charge(world),
            left=world.charger.start(world.cast.ada.id_tag),
            running=_begin(world),
            command=_command(identity, services),
            tap=blocking(UnknownCard.get)(UnknownCard.id_tag == "04B2C3D4").id,
            bulk=_bulk(services),
            matter=_matter(world),
            **_links(identity),
            **_links_of(world.cast.ada, world.config),
        )


def _add_long(world: World) -> int:
    """Add what has a name as long as it may be, without a blank; return the person's id."""
    person = add_person(f"{'e' * 60}@{'long.' * 10}example.com", id_tag="C" * 20)
    add_charger(world.config, LONG_IDENTITY, name="N" * 100)
    site = "S" * 100
    administration.set_site(site, address="A" * 200, time_zone="Europe/Berlin", actor=ACTOR, now=now())
    administration.set_site_of(LONG_IDENTITY, site, actor=ACTOR, now=now())
    administration.save_filter("F" * 40, f"text={'t' * 60}", actor=ACTOR, now=now())
    walls.add_wall("W" * 40, 90, actor=ACTOR, now=now())
    administration.invite(f"n{person.email}", Role.OPERATOR, actor=person.email, now=now())
    world.charger.start(person.id_tag, connector=3)
    return person.id


def _commission(identity: str) -> int:
    """Commission the charger; return the number of the report. Another run is open after it."""
    runs.begin(identity, actor=ACTOR, now=now())
    runs.skip(identity, Step.UNLOCKED, "A fixed cable", actor=ACTOR, now=now())
    number, _ = runs.end(identity, actor=ACTOR, now=now())
    runs.begin(identity, actor=ACTOR, now=now())
    return number


def _charge(world: World) -> int:
    number = world.charger.start(world.cast.ada.id_tag)
    for energy_wh in range(500, 4000, 500):
        world.charger.deliver(energy_wh, power_w=7200, soc_percent=40)
    world.charger.end()
    return number


def _begin(world: World) -> int:
    """Begin a session, at the connector of one that goes on, beside a fault and an unknown card."""
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(1200, power_w=7200, soc_percent=55)
    world.charger.fault(2, "GroundFailure", "residual current")
    world.charger.tap("04B2C3D4")
    return number


def _command(identity: str, services: Services) -> int:
    """Make a dry run and read the settings; return a command's number."""
    services.ingest.request_command(identity, Reset(), ACTOR, now(), RequestTerms(is_dry_run=True))
    number = services.ingest.request_command(identity, GetConfiguration(), ACTOR, now())
    assert isinstance(number, int), number
    eventually(lambda: Command.get_by_id(number).state == CommandState.ACCEPTED)
    reported = services.ingest.settings(identity).settings
    administration.save_baseline("Good", identity, reported, actor=ACTOR, now=now())
    return number


def _bulk(services: Services) -> int:
    bulks = BulkCommands(services.ingest, services.publisher)
    eventually(lambda: services.matching(Query(), now()))
    matching = services.matching(Query(), now())
    return bulks.draft(matching, ClearCache(), ACTOR, now=now(), query=Query())


def _matter(world: World) -> str:
    """Let a charger knock that nobody knows; return the key of the first matter that needs a person."""
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{world.config.ocpp_port}/ocpp/depot-9", subprotocols=[Subprotocol("ocpp1.6")])
    sections = attention.read(now(), world.config.directories).sections
    return next(item.key for section in sections for item in section.items)


def _links(identity: str) -> dict[str, str]:
    administration.save_filter("Faults", "state=Faulted", actor=ACTOR, now=now())
    return {
        "invitation": administration.invite(
            "new@example.com", Role.DRIVER, mail_secret="s" * 32, actor=COMMAND_LINE, now=now()
        ),
        "wall": walls.add_wall("Office", 90, actor=ACTOR, now=now()),
        "screen": walls.add_wall("Hall", 90, actor=ACTOR, now=now()),
        "electrician": links.make(identity, 24, actor=ACTOR, now=now())[1],
    }


@blocking
def _links_of(person: Person, config: Config) -> dict[str, str]:
    """Make the links that a person gets by mail."""
    token = link_tokens.new()
    expires_at = now() + own_passwords.LIFETIME
    PasswordReset.create(email=person.email, token_hash=link_tokens.hashed(token), expires_at=expires_at)
    return {"password": token, "unsubscribing": unsubscribing.token(config.secret_key, person.id)}


@blocking
def add_factors(person: Person) -> None:
    """Give a person who is signed in an authenticator app, a passkey and recovery codes, which all fit nothing."""
    key = {"credential_id": "x", "public_key": "x", "sign_count": 0, "name": "Ada's phone"}
    Passkey.create(account=person.id, created_at=now(), challenged_at=now(), **key)
    AuthenticatorApp.create(account=person.id, sealed_secret="x", last_step=0, created_at=now())
    RecoveryCode.create(account=person.id, code_hash="x:x")

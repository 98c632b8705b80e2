"""Verbs for chargers: what an operator sets of them. Commands that are sent to a charger are in `domain.commands`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from polaris import administration, pubsub
from polaris.administration import Refused
from polaris.administration.chargers import MAIN_SITE, NewCharger, find_charger
from polaris.domain import connectors
from polaris.domain.arguments import SECRET, StrictStruct
from polaris.domain.limits import FILE_TOO_LONG, MAX_FILE
from polaris.domain.sentences import N_, say, together
from polaris.models import Charger, blocking
from polaris.verbs.sites import SiteName, site_names
from polaris.verbs.verb import Done, Request, Values, Verb

Identity = Annotated[str, Meta(title="Charger", description="Its identity, in its address.", max_length=255)]
Name = Annotated[str, Meta(description="What drivers read. Nothing: its identity.", max_length=100)]


class Unit(StrEnum):
    """How a charger's energies are read."""

    WH = "Wh"
    KWH = "kWh"
    AS_SENT = "as-sent"


class Fallback(StrEnum):
    """The OCPP version to speak if a charger offers none."""

    V16 = "1.6"
    NONE = "none"


class Pings(StrEnum):
    ON = "on"
    OFF = "off"


class Add(StrictStruct, frozen=True):
    """Add a charger. Unless it gets a key, a random one is made and shown once.

    A charger connects with its identity and, as the password, its key (OCPP security profile 1, or 2, where it must
    come by TLS), or with a certificate whose common name is its identity (profile 3).
    """

    identity: Identity
    name: Name = ""
    site: SiteName = MAIN_SITE
    password: Annotated[
        str, SECRET, Meta(title="Key", description="Nothing: a random one is made.", max_length=100)
    ] = ""
    profile: Annotated[int, Meta(ge=1, le=3, title="Security profile", description="OCPP's, 1 to 3.")] = 1
    no_key: Annotated[
        bool, Meta(title="No key", description="Profile 0: without a key, from private networks alone.")
    ] = False


class Import(StrictStruct, frozen=True):
    """Add the chargers of a CSV file, all or none.

    Its first line is identity,name,password. Where a password is empty, a random key is made and shown once.
    """

    file: Annotated[
        str, Meta(title="CSV", description=f"identity,name,password; at most {MAX_FILE:,} characters at a time.")
    ]
    site: SiteName = MAIN_SITE


class SetName(StrictStruct, frozen=True):
    """Change what drivers read as a charger's name."""

    identity: Identity
    name: Annotated[str, Meta(description="What drivers read.", max_length=100)]


class SetSite(StrictStruct, frozen=True):
    """Move a charger to another site. Sessions that have begun keep their tariff."""

    identity: Identity
    site: SiteName


class SetUnit(StrictStruct, frozen=True):
    """Say what unit a charger's energy readings are really in, whatever it labels them."""

    identity: Identity
    unit: Unit


class SetFallback(StrictStruct, frozen=True):
    """Speak an OCPP version with a charger that offers none by itself when it connects."""

    identity: Identity
    version: Fallback


class SetMeterKeys(StrictStruct, frozen=True):
    """Enter the public keys of a charger's meters, with which its signed values (OCMF) are checked.

    A charger with several meters gets the keys of all of them at once; they replace those that it had.
    """

    identity: Identity
    keys: Annotated[
        tuple[Annotated[str, Meta(description="As printed on the meter: hexadecimal or base64.", max_length=2000)], ...]
        | None,
        Meta(title="Keys, each on a line of its own"),
    ]


class SetPower(StrictStruct, frozen=True):
    """Say that none of a charger's connectors can deliver more than that: its sessions cannot have had more."""

    identity: Identity
    kw: Annotated[
        Decimal | None, Meta(title="Greatest power in kW", description="Nothing: what the charger reports holds.")
    ]


class SetConnectors(StrictStruct, frozen=True):
    """Let a charger have connectors (OCPP 2.x: EVSEs) up to a number; more than 100 are refused otherwise."""

    identity: Identity
    number: Annotated[int | None, Meta(title="Highest number", description="Nothing: the usual limit.")]


class SetPings(StrictStruct, frozen=True):
    """Turn pings off for a charger that never answers them, or on again.

    A charger that is silent is pinged, and disconnected if it does not answer. Without pings it is disconnected if it
    has sent nothing for three of its heartbeat intervals.
    """

    identity: Identity
    pings: Pings


def _add(request: Request, asked: Add) -> Done:
    if asked.password and (asked.no_key or asked.profile == 3):
        raise Refused(say("A charger of security profile 0 or 3 has no key."))
    added = administration.add_charger(
        request.services.config.charger_key_secrets,
        asked.identity,
        name=asked.name,
        site=asked.site,
        key=asked.password,
        profile=0 if asked.no_key else asked.profile,
        **request.audited,
    )
    return _added([added])


def _import(request: Request, asked: Import) -> Done:
    if len(asked.file) > MAX_FILE:
        raise Refused(FILE_TOO_LONG, "file")
    lines = asked.file.removeprefix("\ufeff").splitlines(keepends=True)
    secrets = request.services.config.charger_key_secrets
    return _added(administration.import_chargers(secrets, lines, site=asked.site, **request.audited))


def _added(chargers: list[NewCharger]) -> Done:
    sentences = [say("Charger %(identity)s was added.", identity=charger.identity) for charger in chargers]
    return Done(
        together(*sentences or [say("There was no charger.")]),
        {charger.identity: charger.key for charger in chargers if charger.is_key_made},
    )


def _set_name(request: Request, asked: SetName) -> Done:
    _show(request, administration.set_name(asked.identity, asked.name, **request.audited))
    return Done(say("Charger %(identity)s is called %(name)s.", identity=asked.identity, name=asked.name.strip()))


def _set_site(request: Request, asked: SetSite) -> Done:
    _show(request, administration.set_site_of(asked.identity, asked.site, **request.audited))
    return Done(say("Charger %(identity)s is at %(site)s.", identity=asked.identity, site=asked.site))


def _set_unit(request: Request, asked: SetUnit) -> Done:
    unit = "" if asked.unit is Unit.AS_SENT else asked.unit.value
    _show(request, administration.set_energy_unit(asked.identity, unit, **request.audited))
    return Done(
        say(
            "From its next connection on, the energy readings of %(identity)s are taken as %(unit)s.",
            identity=asked.identity,
            unit=say(asked.unit),
        )
    )


def _set_fallback(request: Request, asked: SetFallback) -> Done:
    protocol = "" if asked.version is Fallback.NONE else f"ocpp{asked.version}"
    _show(request, administration.set_fallback(asked.identity, protocol, **request.audited))
    return Done(
        say(
            "Charger %(identity)s without a version of its own: %(version)s.",
            identity=asked.identity,
            version=say(asked.version),
        )
    )


def _set_meter_keys(request: Request, asked: SetMeterKeys) -> Done:
    keys = asked.keys or ()
    fingerprints = administration.set_meter_keys(request.notifications, asked.identity, keys, **request.audited)
    return Done(
        say(
            "Meter keys of %(identity)s: %(keys)s.",
            identity=asked.identity,
            keys=", ".join(fingerprints) or say("none"),
        )
    )


def _set_power(request: Request, asked: SetPower) -> Done:
    _show(request, administration.set_max_power(asked.identity, asked.kw, **request.audited))
    if asked.kw is None:
        return Done(say("Connectors of %(identity)s: no greatest power is set.", identity=asked.identity))
    return Done(say("Connectors of %(identity)s: at most %(kw)s kW.", identity=asked.identity, kw=str(asked.kw)))


def _set_connectors(request: Request, asked: SetConnectors) -> Done:
    _show(request, administration.set_max_connectors(asked.identity, asked.number, **request.audited))
    number = asked.number or connectors.MAX_NUMBER
    return Done(
        say(
            "From its next connection on, %(identity)s may have %(number)s connectors.",
            identity=asked.identity,
            number=number,
        )
    )


def _set_pings(request: Request, asked: SetPings) -> Done:
    _show(request, administration.set_pings(asked.identity, is_pinged=asked.pings is Pings.ON, **request.audited))
    on = N_("From its next connection on, charger %(identity)s is pinged.")
    off = N_("From its next connection on, charger %(identity)s is not pinged.")
    return Done(say(on if asked.pings is Pings.ON else off, identity=asked.identity))


def _show(request: Request, charger_id: int) -> None:
    """Let open pages show the charger anew."""
    request.notifications.announce(pubsub.charger_changed(charger_id))


@blocking
def _charger(identity: str) -> Charger:
    return find_charger(identity)


def _present_name(identity: str) -> Values:
    return {"name": _charger(identity).name}


@blocking
def _present_site(identity: str) -> Values:
    return {"site": find_charger(identity).site.name}


def _present_unit(identity: str) -> Values:
    return {"unit": _charger(identity).energy_unit or Unit.AS_SENT}


def _present_fallback(identity: str) -> Values:
    return {"version": _charger(identity).fallback_protocol.removeprefix("ocpp") or Fallback.NONE}


def _present_meter_keys(identity: str) -> Values:
    return {"keys": _charger(identity).meter_public_key}


def _present_power(identity: str) -> Values:
    power_w = _charger(identity).max_power_w
    return {"kw": "" if power_w is None else f"{Decimal(power_w) / 1000:f}"}


def _present_connectors(identity: str) -> Values:
    return {"number": str(_charger(identity).max_connectors or "")}


def _present_pings(identity: str) -> Values:
    return {"pings": Pings.ON if _charger(identity).is_pinged else Pings.OFF}


_SITES = {"site": site_names}
VERBS = {
    "add": Verb(Add, say("Add a charger"), _add, choices=_SITES),
    "import": Verb(Import, say("Add chargers of a CSV file"), _import, choices=_SITES, lines=frozenset({"file"})),
    "name": Verb(SetName, say("Rename a charger"), _set_name, _present_name),
    "site": Verb(SetSite, say("Move a charger to another site"), _set_site, _present_site, choices=_SITES),
    "unit": Verb(SetUnit, say("Set the unit of a charger's energies"), _set_unit, _present_unit),
    "fallback": Verb(SetFallback, say("Set the fallback version of OCPP"), _set_fallback, _present_fallback),
    "meter-keys": Verb(SetMeterKeys, say("Enter a charger's meter keys"), _set_meter_keys, _present_meter_keys),
    "power": Verb(SetPower, say("Set a charger's greatest power"), _set_power, _present_power),
    "connectors": Verb(SetConnectors, say("Set how many connectors it may have"), _set_connectors, _present_connectors),
    "pings": Verb(SetPings, say("Turn pings on or off"), _set_pings, _present_pings),
}

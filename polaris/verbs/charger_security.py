"""Verbs for which chargers may connect, and with which keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from polaris.administration import Refused, charger_security
from polaris.administration.chargers import MAIN_SITE, find_charger
from polaris.domain.arguments import StrictStruct
from polaris.domain.commands.interruptions import InterruptedSession
from polaris.domain.sentences import N_, say, together
from polaris.models import blocking
from polaris.verbs.chargers import Identity, Name
from polaris.verbs.sites import site_names
from polaris.verbs.verb import Done, Request, Values, Verb, Warning


class Accept(StrictStruct, frozen=True):
    """Accept a charger that was refused, with the key that it last offered from the address in the list.

    A charger that is known already gets that key instead of its own, and keeps its name and its site.
    """

    identity: Identity
    name: Name = ""
    site: Annotated[
        str, Meta(title="Site", description=f"The site of a new charger. Nothing: {MAIN_SITE}.", max_length=200)
    ] = ""
    address: (
        Annotated[
            str, Meta(title="From", description="The address it came from, if there are several.", max_length=100)
        ]
        | None
    ) = None
    is_new_key: Annotated[
        bool, Meta(description="Give it a new key, shown once, instead of the one that it offered.")
    ] = False


class NewKey(StrictStruct, frozen=True):
    """Make a charger a new key, shown once, for somebody to enter at the charger.

    Both keys are good until the charger has connected with the new one; from then on the old one is refused. Enter it
    as AuthorizationKey, in OCPP 2.x as BasicAuthPassword.
    """

    identity: Identity


class SetProfile(StrictStruct, frozen=True):
    """Set a charger's OCPP security profile, the least that it may connect with.

    0: nothing, from private networks alone. 1: its key. 2: its key over TLS. 3: a certificate in its name.
    """

    identity: Identity
    profile: Annotated[int, Meta(ge=0, le=3, title="Security profile", description="OCPP's, 0 to 3.")]


class Block(StrictStruct, frozen=True):
    """Disconnect a charger and refuse it until it is unblocked. A car that charges at it may go on."""

    identity: Identity


class Unblock(StrictStruct, frozen=True):
    """Let a charger that is blocked or retired connect again."""

    identity: Identity


class Retire(StrictStruct, frozen=True):
    """Take a charger out of service: it is refused, and the fleet no longer lists it. Its history stays.

    A session in progress is closed with its last reading, as an estimate: unblocking lets the charger in again, but
    does not open that session again.
    """

    identity: Identity


class Disconnect(StrictStruct, frozen=True):
    """Disconnect a charger once: it may connect again at once."""

    identity: Identity


def _accept(request: Request, asked: Accept) -> Done:
    secrets = request.services.config.charger_key_secrets
    key = charger_security.accept(
        request.notifications,
        secrets,
        asked.identity,
        name=asked.name,
        site=asked.site,
        address=asked.address,
        is_new_key=asked.is_new_key,
        **request.audited,
    )
    offered = N_("Charger %(identity)s was accepted with the key that it offered.")
    text = N_("Charger %(identity)s was accepted.") if key else offered
    return Done(say(text, identity=asked.identity), {asked.identity: key} if key else {})


def _new_key(request: Request, asked: NewKey) -> Done:
    key = charger_security.rotate_key(request.services.config.charger_key_secrets, asked.identity, **request.audited)
    sentence = say(
        "Charger %(identity)s may connect with its old key until it has connected with the new one.",
        identity=asked.identity,
    )
    return Done(sentence, {asked.identity: key})


def _set_profile(request: Request, asked: SetProfile) -> Done:
    charger_security.set_security_profile(request.notifications, asked.identity, asked.profile, **request.audited)
    return Done(
        say("Charger %(identity)s has security profile %(profile)s.", identity=asked.identity, profile=asked.profile)
    )


def _block(request: Request, asked: Block) -> Done:
    charger_security.block(request.notifications, asked.identity, **request.audited)
    return Done(say("Charger %(identity)s is blocked.", identity=asked.identity))


def _unblock(request: Request, asked: Unblock) -> Done:
    charger_security.unblock(request.notifications, asked.identity, **request.audited)
    return Done(say("Charger %(identity)s may connect.", identity=asked.identity))


def _retire(request: Request, asked: Retire) -> Done:
    charger_security.retire(request.notifications, asked.identity, **request.audited)
    closed = request.services.ingest.close_sessions_of_retired(
        asked.identity, **request.audited, publisher=request.notifications
    )
    sentences = [say("Session %(number)s was closed with its last reading.", number=number) for number in closed]
    return Done(together(say("Charger %(identity)s is retired.", identity=asked.identity), *sentences))


def _disconnect(request: Request, asked: Disconnect) -> Done:
    was_online = charger_security.disconnect(request.notifications, asked.identity, **request.audited)
    online = N_("Charger %(identity)s was online, and is disconnected.")
    text = online if was_online else N_("Charger %(identity)s was not online.")
    return Done(say(text, identity=asked.identity))


@blocking
def _present_profile(identity: str) -> Values:
    return {"profile": str(find_charger(identity).security_profile)}


def _warning(question: str, consequence: str, *, is_final: bool = False) -> Callable[[Values], Warning]:
    """Return a warning that names the sessions that run on a charger, and what becomes of them."""

    def warn(asked: Values) -> Warning:
        running = charger_security.running_sessions(asked["identity"])
        sentence = say(consequence) if running else say("No session runs on it.")
        hits = tuple(map(named, running))
        return Warning(together(say(question, **asked), sentence), hits, is_asked=is_final)

    return warn


def _new_key_warning(asked: Values) -> Warning | None:
    """Name the key that somebody may have been given just now: it would be good no more."""
    waiting = charger_security.waiting_key(asked["identity"])
    if not waiting:
        return None
    question = say(
        "Make another key for %(identity)s? The one that it has not connected with yet is refused then.",
        identity=asked["identity"],
    )
    return Warning(question, (waiting,))


def _unblock_warning(asked: Values) -> Warning | None:
    """Name a charger that is out of service: letting it connect puts it back."""
    identity = asked["identity"]
    if not charger_security.is_retired(identity):
        return None
    return Warning(
        say("Take charger %(identity)s back into service?", identity=identity),
        (say("Charger %(identity)s is retired", identity=identity),),
    )


def _accept_warning(asked: Values) -> Warning:
    """Name the keys that were offered, of which no other is accepted, and who charges at a charger that is known."""
    identity = asked["identity"]
    try:
        running, is_known = charger_security.running_sessions(identity), True
    except Refused:
        running, is_known = [], False
    offered = charger_security.offered_keys(identity, asked.get("address") or None)
    bound = () if asked.get("is_new_key") else offered
    keys = [
        say("Key %(mark)s, offered from %(address)s", mark=mark, address=address or say("an unknown address"))
        for address, mark in bound
    ]
    question = say(
        "Accept charger %(identity)s? Whoever has its key connects as this charger. Make sure that it is yours.",
        identity=identity,
    )
    waiting = charger_security.waiting_key(identity) if is_known else ""
    if is_known:
        more = say("Its own key is replaced, and it is disconnected. What charges at it may go on.")
        question = together(question, more)
    return Warning(question, (*map(named, running), *filter(None, [waiting]), *keys))


def _profile_warning(asked: Values) -> Warning:
    """Name whom a higher profile hits. A lower one lets a charger stay."""
    present = _present_profile(asked["identity"])["profile"]
    if asked.get("profile", "9") <= present:
        return Warning(
            say(
                "Charger %(identity)s has profile %(present)s, and stays connected.",
                identity=asked["identity"],
                present=present,
            ),
            is_asked=False,
        )
    return _raise_profile(asked)


_raise_profile = _warning(
    N_("Set the security profile of charger %(identity)s? With a higher one it is disconnected, until it comes by it."),
    N_("What charges at it may go on."),
)


def named(session: InterruptedSession) -> str:
    """Return a running session in words, for a question before a change that it would suffer from."""
    driver = session.driver or say("nobody's card")
    return say(
        "Session %(number)s, connector %(connector)s, %(driver)s",
        number=session.number,
        connector=session.connector,
        driver=driver,
    )


VERBS = {
    "accept": Verb(
        Accept, say("Accept a refused charger"), _accept, warning=_accept_warning, choices={"site": site_names}
    ),
    "new-key": Verb(NewKey, say("Make a new key"), _new_key, warning=_new_key_warning),
    "profile": Verb(
        SetProfile, say("Set a charger's security profile"), _set_profile, _present_profile, _profile_warning
    ),
    "block": Verb(
        Block,
        say("Block a charger"),
        _block,
        warning=_warning(N_("Block charger %(identity)s?"), N_("What charges at it may go on.")),
    ),
    "unblock": Verb(Unblock, say("Unblock a charger"), _unblock, warning=_unblock_warning),
    "retire": Verb(
        Retire,
        say("Retire a charger"),
        _retire,
        warning=_warning(
            N_("Retire charger %(identity)s?"), N_("What runs on it is closed as an estimate."), is_final=True
        ),
    ),
    "disconnect": Verb(
        Disconnect,
        say("Disconnect a charger"),
        _disconnect,
        warning=_warning(N_("Disconnect charger %(identity)s?"), N_("What charges at it may go on.")),
    ),
}

"""Commissioning of a charger: what is checked of a new one, step by step, by what it has said since the run began.

A run stores no results while it goes on: each step is judged by the charger's facts, so nothing that it says is missed,
whoever looks. `judge` is all there is to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from polaris.domain.clock import off_text
from polaris.domain.enums import Authorization, ChargerStatus, CommandState, ConnectorStatus, StopState
from polaris.domain.recommended_settings import RECOMMENDED
from polaris.domain.sentences import N_, Sentence, say, say_count, together
from polaris.domain.settings import Setting

MAX_CLOCK_OFF = timedelta(minutes=1)  # beyond it, the times of sessions are corrected by what the clock is wrong
MIN_READINGS = 2  # of a session: with fewer, nothing shows that readings go on
MAX_STOP_S = 60.0  # from the stop's request to the session's end: drivers do not wait for longer

STOP_IT = say("Stop the session from here.")
RESET, TRIGGER, GET, SET, UNLOCK = "reset", "trigger", "get-configuration", "set-configuration", "unlock"
_ASKED = {  # by the command's kind
    RESET: N_("Asked to restart"),
    TRIGGER: N_("Asked for its connectors"),
    GET: N_("Asked for its settings"),
    SET: N_("Asked to set one"),
}
_REFUSED = {  # by the answer to the charger: why, and what to do
    Authorization.BLOCKED: (N_("it is blocked, or its account is"), N_("Tap another.")),
    Authorization.EXPIRED: (N_("it has expired"), N_("Tap another.")),
    Authorization.CONCURRENT_TX: (N_("it is charging at another charger"), N_("Tap another.")),
    Authorization.INVALID: (N_("it is not known here"), N_("Tap one that is known.")),
}


class Step(StrEnum):
    """A check of a charger. They are listed in the order in which they are made."""

    CONNECTED = "connected"
    BOOTED = "booted"
    CLOCK = "clock"
    CONNECTORS = "connectors"
    SETTINGS = "settings"
    STARTED = "started"
    METERED = "metered"
    STOPPED = "stopped"
    UNLOCKED = "unlocked"


class Result(StrEnum):
    """How far a step has come."""

    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Outcome(StrEnum):
    """The conclusion of a run that has ended."""

    IN_ORDER = N_("in order")
    WITH_REMARKS = N_("in order, with remarks")
    NOT_IN_ORDER = N_("not in order")


@dataclass(frozen=True, slots=True)
class SeenSession:
    """A session that has begun since the run did."""

    number: int
    connector: int
    readings: int
    energy_wh: int | None
    power_w: int | None
    is_over: bool
    stop: StopState | None = None  # of the newest request
    stop_took_s: float | None = None  # from that request to the session's end
    has_card: bool = True  # OCPP 2.x: the cable may come first
    refusal: Authorization | None = None  # the answer to the charger, if the card may not charge


@dataclass(frozen=True, slots=True)
class Fate:
    """The fate of a command, in a state and a sentence."""

    state: CommandState
    sentence: str = ""

    @property
    def has_failed(self) -> bool:
        return self.state not in _GOES_ON and self.state is not CommandState.ACCEPTED


@dataclass(frozen=True, slots=True)
class Seen:
    """The facts about a charger that a run judges. Instants are by our clock."""

    status: ChargerStatus = ChargerStatus.ACTIVE
    is_online: bool = False
    heard_at: datetime | None = None  # last
    protocol: str = ""
    security_profile: int = 1
    booted_at: datetime | None = None
    clock_offset_s: int = 0
    connectors: tuple[tuple[int, str, str], ...] = ()  # number, status, error code
    settings: tuple[Setting, ...] = ()
    settings_at: datetime | None = None
    sessions: tuple[SeenSession, ...] = ()  # the newest first
    fates: Mapping[str, Fate] = field(default_factory=dict)  # of the newest command of each kind since the run began
    last_command: int = 0  # the newest command's id, of any kind

    @property
    def tries(self) -> list[SeenSession]:
        """Return the sessions that can show something: a refused card's cannot, whatever the charger sends of it."""
        return [session for session in self.sessions if session.refusal is None]

    def was_there(self, since_at: datetime) -> bool:
        """Whether the charger is connected, or has been since an instant."""
        return self.is_online or (self.heard_at is not None and self.heard_at >= since_at)


@dataclass(frozen=True, slots=True)
class Fix:
    """A setting that should have another value."""

    key: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a step: what was seen, and what to do if it has not passed."""

    step: Step
    result: Result
    seen: str = ""
    advice: str = ""
    fixes: tuple[Fix, ...] = ()
    is_remark: bool = False  # it has passed, and somebody should read it all the same


def judge(seen: Seen, began_at: datetime, skipped: Iterable[Step] = ()) -> tuple[Verdict, ...]:
    """Judge each step by what was seen since the run began. A skipped step stays skipped, whatever was seen.

    While the charger is blocked or retired nothing can be done about any step but the first, which says so.
    """
    left_out = frozenset(skipped)
    found = [Verdict(step, Result.SKIPPED) if step in left_out else _JUDGES[step](seen, began_at) for step in Step]
    if seen.status is not ChargerStatus.ACTIVE:
        found[1:] = [replace(verdict, advice="", fixes=()) for verdict in found[1:]]
    return tuple(found)


def outcome(verdicts: Iterable[Verdict]) -> Outcome:
    """Return what the steps say together. One that waits at the end was not shown to be right."""
    results = [(verdict.result, verdict.is_remark) for verdict in verdicts]
    if any(result in (Result.FAILED, Result.WAITING) for result, _ in results):
        return Outcome.NOT_IN_ORDER
    has_remarks = any(result is Result.SKIPPED or is_remark for result, is_remark in results)
    return Outcome.WITH_REMARKS if has_remarks else Outcome.IN_ORDER


def _connected(seen: Seen, began_at: datetime) -> Verdict:
    if seen.status is not ChargerStatus.ACTIVE:
        return Verdict(
            Step.CONNECTED,
            Result.FAILED,
            say("It is retired.") if seen.status is ChargerStatus.RETIRED else say("It is blocked."),
            say("Unblock it first: nothing reaches it."),
        )
    if not seen.was_there(began_at):
        return Verdict(Step.CONNECTED, Result.WAITING, advice=say("Give the charger its address, identity and key."))
    version = say(
        "OCPP %(version)s, security profile %(profile)s.",
        version=seen.protocol.removeprefix("ocpp"),
        profile=seen.security_profile,
    )
    is_open = seen.security_profile < 2
    advice = say("Its messages are not encrypted: use profile 2 outside of a private network.") if is_open else ""
    if not seen.is_online:
        version = together(version, say("It is offline now."))
    return Verdict(Step.CONNECTED, Result.PASSED, version, advice, is_remark=is_open or not seen.is_online)


def _booted(seen: Seen, began_at: datetime) -> Verdict:
    if seen.booted_at is None or seen.booted_at < began_at:
        return Verdict(Step.BOOTED, *_fate(seen, RESET), advice=say("Restart it, by its switch or with Reset."))
    return Verdict(Step.BOOTED, Result.PASSED, say("It has started up and told us."))


def _clock(seen: Seen, began_at: datetime) -> Verdict:
    if not seen.was_there(began_at):
        return Verdict(Step.CLOCK, Result.WAITING)
    off_s = seen.clock_offset_s
    if abs(off_s) <= MAX_CLOCK_OFF.total_seconds():
        return Verdict(Step.CLOCK, Result.PASSED, say("It agrees with ours to the minute."))
    words = say("Its clock is %(off)s.", off=off_text(off_s))
    return Verdict(
        Step.CLOCK, Result.FAILED, words, say("Restart it: it sets its clock by our answer. Else set its NTP server.")
    )


def _connectors(seen: Seen, began_at: datetime) -> Verdict:
    if not seen.was_there(began_at):  # what it has said before the run shows nothing
        return Verdict(
            Step.CONNECTORS, *_fate(seen, TRIGGER), advice=say("Ask for its connectors once it has connected.")
        )
    numbered = [(number, status, error) for number, status, error in seen.connectors if number]
    if not numbered:
        return Verdict(
            Step.CONNECTORS, *_fate(seen, TRIGGER), advice=say("It has reported none. Ask for its connectors.")
        )
    faulted = [number for number, status, error in numbered if status == ConnectorStatus.FAULTED or error]
    listed = ", ".join(f"{number}: {error or status}" for number, status, error in numbered)
    if faulted:
        words = together(f"{listed}.", _failure(seen, TRIGGER))
        return Verdict(Step.CONNECTORS, Result.FAILED, words, say("Mend the fault, then ask for its connectors."))
    return Verdict(Step.CONNECTORS, Result.PASSED, f"{listed}.")


def _settings(seen: Seen, began_at: datetime) -> Verdict:
    if seen.settings_at is None or seen.settings_at < began_at:
        return Verdict(Step.SETTINGS, *_fate(seen, GET), advice=say("Read its settings: Get configuration."))
    values = {_name(setting): setting.value for setting in seen.settings}
    fixes, unknown, is_missing = [], [], False
    for wanted in RECOMMENDED:
        key = next((name for name in wanted.names if name.casefold() in values), None)
        if key is None:
            unknown.append(wanted.names["." in _any_name(seen)])
            is_missing |= not wanted.may_be_missing
        elif not wanted.is_good(values[key.casefold()]):
            fixes.append(Fix(key, wanted.value, wanted.why))
    missing = say("It has no %(settings)s.", settings=", ".join(unknown)) if unknown else ""
    more = (missing, _failure(seen, SET), _failure(seen, GET))
    if fixes:
        words = say("Not as recommended: %(settings)s.", settings=", ".join(fix.key for fix in fixes))
        advice = say("Set them, then read them again.")
        return Verdict(Step.SETTINGS, Result.FAILED, together(words, *more), advice, tuple(fixes))
    if is_missing:
        advice = say(
            "Look for them in its manual, and read again. Leave this out, with the reason, if it does without."
        )
        words = together(say("Not shown to be as recommended."), *more)
        return Verdict(Step.SETTINGS, Result.FAILED, words, advice)
    words = together(say("As recommended."), missing)
    return Verdict(Step.SETTINGS, Result.PASSED, words, is_remark=bool(unknown))


def _started(seen: Seen, _: datetime) -> Verdict:
    if not seen.sessions:
        return Verdict(Step.STARTED, Result.WAITING, advice=say("Plug in a car or a test box, and tap a card."))
    return _best(_started_in, seen.sessions)


def _started_in(session: SeenSession) -> Verdict:
    words = say("Session %(number)s on connector %(connector)s", number=session.number, connector=session.connector)
    if session.refusal is not None:
        why, advice = _REFUSED[session.refusal]
        return Verdict(
            Step.STARTED,
            Result.FAILED,
            say("%(session)s: this card was refused, since %(why)s.", session=words, why=say(why)),
            say(advice),
        )
    if not session.has_card:
        return Verdict(
            Step.STARTED, Result.WAITING, say("%(session)s, without a card.", session=words), say("Tap a card.")
        )
    return Verdict(Step.STARTED, Result.PASSED, say("%(session)s.", session=words))


def _metered(seen: Seen, _: datetime) -> Verdict:
    if not seen.tries:
        return Verdict(Step.METERED, Result.WAITING, advice=say("Let a session run for a minute."))
    return _best(_metered_in, seen.tries)


def _metered_in(session: SeenSession) -> Verdict:
    if session.energy_wh is None:
        words = say(
            "Session %(number)s: its readings fit no meter, and its energy is not known.", number=session.number
        )
        return Verdict(
            Step.METERED, Result.FAILED, words, say("See its page, and the charger's unit and greatest power.")
        )
    figures = say_count(
        "Session %(number)s: %(num)s reading, %(kwh)s kWh.",
        "Session %(number)s: %(num)s readings, %(kwh)s kWh.",
        session.readings,
        number=session.number,
        kwh=f"{session.energy_wh / 1000:.2f}",
    )
    if session.readings >= MIN_READINGS and session.energy_wh > 0:
        return Verdict(Step.METERED, Result.PASSED, figures)
    if session.is_over:
        advice = say("Look at the sample interval and the measurands, and charge for longer.")
        return Verdict(Step.METERED, Result.FAILED, figures, advice)
    return Verdict(Step.METERED, Result.WAITING, figures, say("Let it charge for a minute."))


def _stopped(seen: Seen, _: datetime) -> Verdict:
    return _best(_stopped_in, seen.tries) if seen.tries else Verdict(Step.STOPPED, Result.WAITING, advice=STOP_IT)


def _stopped_in(session: SeenSession) -> Verdict:
    number = session.number
    if session.stop is None:
        if session.is_over:
            words = say("Session %(number)s ended without a stop from here.", number=number)
            return Verdict(Step.STOPPED, Result.WAITING, words, say("Start another, and stop it from here."))
        return Verdict(Step.STOPPED, Result.WAITING, advice=STOP_IT)
    if session.stop is StopState.COMPLETED and session.stop_took_s is not None:
        words = say(
            "Session %(number)s ended %(seconds)s s after it was asked to.",
            number=number,
            seconds=f"{session.stop_took_s:.1f}",
        )
        return Verdict(Step.STOPPED, Result.PASSED, words, is_remark=session.stop_took_s > MAX_STOP_S)
    if session.stop in _STOP_GOES_ON:
        return Verdict(Step.STOPPED, Result.WAITING, say("Session %(number)s was asked to stop.", number=number))
    advice = say("Try again. With this, drivers would have to stop at the charger.")
    return Verdict(Step.STOPPED, Result.FAILED, say("Session %(number)s did not stop.", number=number), advice)


def _best(judge_in: Callable[[SeenSession], Verdict], sessions: Sequence[SeenSession]) -> Verdict:
    """Return the first verdict that has passed, else the newest session's: an earlier try does not count."""
    found = [judge_in(session) for session in (*_whole(sessions), *sessions)]
    return next(filter(_has_passed, found), judge_in(sessions[0]))


def _whole(sessions: Sequence[SeenSession]) -> list[SeenSession]:
    """Return the sessions that were stopped from here, those with the most steps first, and then the oldest.

    The steps before the stop are shown by the same one, and no later session takes its place.
    """
    tries = [session for session in reversed(sessions) if session.refusal is None]
    stopped = [session for session in tries if _has_passed(_stopped_in(session))]
    return sorted(stopped, key=lambda session: not _has_passed(_metered_in(session)))


def _has_passed(verdict: Verdict) -> bool:
    return verdict.result is Result.PASSED


def _unlocked(seen: Seen, _: datetime) -> Verdict:
    fate = seen.fates.get(UNLOCK)
    if fate is None:
        return Verdict(Step.UNLOCKED, Result.WAITING, advice=say("Unlock the connector from here, and pull the plug."))
    if fate.state is CommandState.ACCEPTED:
        return Verdict(Step.UNLOCKED, Result.PASSED, say("It released the cable."))
    if not fate.has_failed:
        return Verdict(Step.UNLOCKED, Result.WAITING, together(say("It was asked to."), fate.sentence))
    if fate.state in _SAYS_NOTHING:
        return Verdict(Step.UNLOCKED, Result.WAITING, fate.sentence, say("Unlock it again when it is online."))
    advice = say("With a fixed cable there is nothing to unlock: leave it out, or ask the operator to.")
    return Verdict(Step.UNLOCKED, Result.FAILED, together(say("It did not release the cable."), fate.sentence), advice)


def _fate(seen: Seen, kind: str) -> tuple[Result, str]:
    """Return how far a step is that waits for what a command brings, and what became of that command."""
    fate = seen.fates.get(kind)
    if fate is None:
        return Result.WAITING, ""
    return Result.FAILED if fate.has_failed else Result.WAITING, _asked(kind, fate)


def _failure(seen: Seen, kind: str) -> str:
    """Return what went wrong with a command that should have changed what is seen; "" if nothing did."""
    fate = seen.fates.get(kind)
    return _asked(kind, fate) if fate is not None and fate.has_failed else ""


def _asked(kind: str, fate: Fate) -> Sentence:
    return together(say(_ASKED[kind]), fate.sentence, between=": ")


def _name(setting: Setting) -> str:
    return f"{setting.component}.{setting.name}".casefold() if setting.component else setting.name.casefold()


def _any_name(seen: Seen) -> str:
    return next(map(_name, seen.settings), "")


_GOES_ON = (CommandState.REQUESTED, CommandState.SENT, CommandState.PROMISED)
_SAYS_NOTHING = (CommandState.OFFLINE, CommandState.TIMED_OUT, CommandState.UNKNOWN)  # of what the charger does
_STOP_GOES_ON = (StopState.REQUESTED, StopState.SENT, StopState.ACCEPTED)
_JUDGES: dict[Step, Callable[[Seen, datetime], Verdict]] = {
    Step.CONNECTED: _connected,
    Step.BOOTED: _booted,
    Step.CLOCK: _clock,
    Step.CONNECTORS: _connectors,
    Step.SETTINGS: _settings,
    Step.STARTED: _started,
    Step.METERED: _metered,
    Step.STOPPED: _stopped,
    Step.UNLOCKED: _unlocked,
}

"""How often a password may be guessed, and how the owner gets in while others guess.

A device that has signed in before has an allowance of its own, which nobody else can use up. Any other guess counts for
its address, for the pair of account and address, and for the account. The account as a whole is never closed: past its
allowance, guesses take turns, and wait for them for seconds at most. Whether the account exists changes nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import NoReturn

from flask import Response, after_this_request, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import TooManyRequests

from polaris.administration.devices import password_mark_of
from polaris.administration.second_factors.sign_in import CodeProof
from polaris.domain.email_addresses import normal_email
from polaris.services import services
from polaris.web import security_events
from polaris.web.attempts import Allowance
from polaris.web.headers import cookie_name
from polaris.web.security import client_address
from polaris.web.security_events import attempts

PER_ADDRESS = Allowance("address", 60, 60)  # not fewer: many drivers share the address of their mobile network
PER_PAIR = Allowance("pair", 10, 600)  # for longer, a driver who mistypes would be locked out for longer
PER_DEVICE = Allowance("device", 10, 600)
KNOWN_DEVICES = Allowance("devices", 100, 600)  # of an account: a thief of the password could have collected any number
PER_ACCOUNT = Allowance("account", 30, 600)  # guesses from strangers, before they take turns
PER_FACTOR = Allowance("factor", 10, 600)
PER_FACTOR_AND_DAY = Allowance("factor-day", 50, 86_400)  # a code has six digits: 1,440 guesses a day would find it
KNOWN_AND_DAY = Allowance("factor-devices-day", 100, 86_400)  # codes from all known devices: as the one above
TURN_S = 1.0
TURNS = Allowance("turns", 5, 5 * TURN_S)  # more would make the owner wait for longer, among all who guess
MAX_WAITING = 20  # for the next turns of one account; without it, a flood of guesses would hold as many requests

COOKIE = "polaris-device"
DEVICE_LIFETIME_S = 365 * 86_400

# As many guesses of one pair or device are checked at once as may be wrong; the others wait for what becomes of these.
# Without it, a crowd that shares an address and an account would be refused although every password is right.
_PLACES = [threading.BoundedSemaphore(PER_PAIR.attempts) for _ in range(1024)]


class Guess:
    """One guess at a password or a code, which has been counted. It counts as wrong until `is_right` is set."""

    is_right = False


@contextmanager
def guess(email: str) -> Iterator[Guess]:
    """Count a guess before it is made; answer 429 if there were too many. Give it back if it is right or not made."""
    email = normal_email(email)
    device = _known_device(email)
    with _PLACES[hash((email, device or client_address())) % len(_PLACES)]:
        yield from _counted(_count(email, device))


@contextmanager
def second_factor(email: str, kind: str) -> Iterator[Guess]:
    """Do the same for a proof of a second factor.

    An app's codes are counted for the account: its password is known already, and they could be guessed from many
    addresses. A known device has an allowance of its own, so that its owner gets in meanwhile. Nobody can guess
    passkeys and recovery codes: those are counted by address, which shuts nobody else out.
    """
    email = normal_email(email)
    is_guessable = kind == CodeProof.APP
    device = _known_device(email)
    whose = (email, kind, device) if device else (email, kind) if is_guessable else (email, kind, client_address())
    counted: list[tuple[Allowance, tuple[str, ...]]] = [(PER_FACTOR, whose), (PER_FACTOR_AND_DAY, whose)]
    if device and is_guessable:
        counted.append((KNOWN_AND_DAY, (email,)))
    for allowance, counted_for in counted:
        require(allowance, email, *counted_for)
    yield from _counted(counted)


def nameless() -> None:
    """Count an attempt that names no account, by a passkey alone or a link, for its address. Answer 429 if too many."""
    require(PER_ADDRESS, "", client_address())


def require(allowance: Allowance, email: str, *whose: str) -> None:
    """Count an attempt that concerns the account of an e-mail address; answer 429 if there were too many."""
    count = attempts().add(allowance, *whose)
    if count.attempts > allowance.attempts:
        _refuse(allowance, email, count.left_s)


def remember_device(email: str) -> None:
    """Give the device an allowance of its own for its next sign-in to this account, until its password changes."""
    value = _serializer().dumps([_mark(email), secrets.token_urlsafe(16)])

    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(
            cookie_name(COOKIE, services().config),
            value,
            max_age=DEVICE_LIFETIME_S,
            secure=services().config.https,
            httponly=True,
            samesite="Strict",
        )
        return response


def _counted(counted: list[tuple[Allowance, tuple[str, ...]]]) -> Iterator[Guess]:
    this = Guess()
    try:
        yield this
    except Exception:
        _give_back(counted)
        raise
    if this.is_right:
        _give_back(counted)


def _count(email: str, device: str | None) -> list[tuple[Allowance, tuple[str, ...]]]:
    """Count a guess for everyone that it counts for; return what may have to be given back."""
    if device is not None:
        require(PER_DEVICE, email, device)
        require(KNOWN_DEVICES, email, email)
        return [(PER_DEVICE, (device,)), (KNOWN_DEVICES, (email,))]
    address = client_address()
    require(PER_ADDRESS, email, address)
    require(PER_PAIR, email, email, address)
    counted = [(PER_PAIR, (email, address)), (PER_ACCOUNT, (email,))]
    if attempts().add(PER_ACCOUNT, email).attempts > PER_ACCOUNT.attempts:
        _wait_for_turn(email, counted)
    return counted


def _wait_for_turn(email: str, counted: list[tuple[Allowance, tuple[str, ...]]]) -> None:
    """Let guesses at one account pass one after the other. Under gevent, waiting holds up nobody else."""
    waits_until = time.monotonic() + TURNS.window_s + TURN_S
    turn = attempts().add(TURNS, email)
    # Redis's window and this process's own do not end together: the next of one may come within the last of the other.
    while TURNS.attempts < turn.attempts <= MAX_WAITING and time.monotonic() + turn.left_s < waits_until:
        time.sleep(turn.left_s)
        turn = attempts().add(TURNS, email)
    if turn.attempts > TURNS.attempts:
        _give_back(counted)
        _refuse(TURNS, email, turn.left_s)
    time.sleep(max(0.0, (turn.attempts - 1) * TURN_S - (TURNS.window_s - turn.left_s)))


def _refuse(allowance: Allowance, email: str, left_s: float) -> NoReturn:
    security_events.limit_reached(email, allowance.name)
    raise TooManyRequests(retry_after=max(1, ceil(left_s)))


def _give_back(counted: list[tuple[Allowance, tuple[str, ...]]]) -> None:
    for allowance, whose in counted:
        attempts().add(allowance, *whose, amount=-1)


def _known_device(email: str) -> str | None:
    """Return the id of the device if it has signed in to this account before."""
    try:
        mark, device = _serializer().loads(
            request.cookies.get(cookie_name(COOKIE, services().config), ""), max_age=DEVICE_LIFETIME_S
        )
    except (BadData, ValueError, TypeError):
        return None
    return str(device) if mark == _mark(email) else None


def _mark(email: str) -> str:
    """Return what the cookie says of an account: nobody reads its address or its password from it."""
    text = f"{normal_email(email)} {password_mark_of(email)}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services().config.secret_key, salt=COOKIE)

"""The page of a charger's messages, and its file. Operators only; everyone else gets 404."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from werkzeug.exceptions import ServiceUnavailable

from polaris import administration
from polaris.models import run_blocking
from polaris.ocpp_log import export as frames
from polaris.ocpp_log.filter import MessageFilter
from polaris.services import services
from polaris.web.answers import listed, understood
from polaris.web.chargers import message_text
from polaris.web.connections import give_more_time
from polaris.web.csv_export import SignedOut
from polaris.web.messages import queries
from polaris.web.messages.queries import LoggedCharger, Wanted
from polaris.web.security import device_check, require_operator

BATCH_LINES = 500  # of the charger's log that are read before another greenlet has its turn
EXPORT_RETRY_S = 10
_EXPORTING = threading.Lock()  # in a process: each file has the log read twice

blueprint = Blueprint("messages", __name__, url_prefix="/fleet")


@blueprint.get("/<identity>/messages")
@login_required
def index(identity: str) -> ResponseReturnValue:
    require_operator()
    page = queries.page(_charger(identity), services().tails, Wanted.of(request.args))
    return listed("messages/index.html", page.wanted.rows, page=page, actions=message_text.actions())


@blueprint.post("/<identity>/messages/export")
@login_required
def export(identity: str) -> ResponseReturnValue:
    """Send the messages that the filter finds, as `frames export` writes them."""
    require_operator()
    charger, directory, now = _charger(identity), services().tails.directory, datetime.now(UTC)
    wanted = understood(MessageFilter.of(request.form))
    if directory is None:
        abort(404)
    if not _EXPORTING.acquire(blocking=False):
        raise ServiceUnavailable(retry_after=EXPORT_RETRY_S)
    try:
        administration.note_export("frames.exported", identity, wanted.parameters(), actor=current_user.email, now=now)
        pieces = _pieces(frames.export_charger(directory, charger.identity, wanted), device_check())
        answer = Response(pieces, mimetype="application/jsonl")
        answer.call_on_close(_EXPORTING.release)
    except BaseException:
        _EXPORTING.release()
        raise
    name = f"polaris-messages-{now:%Y-%m-%d-%H%M%S}.jsonl"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"  # nginx would hold back what is sent meanwhile
    return answer


def _pieces(lines: Iterator[str], may_go_on: Callable[[], bool]) -> Iterator[str]:
    """Yield the file in pieces, which breaks off if whoever asked for it is signed out, or no operator any more."""
    while batch := run_blocking(lambda: list(islice(lines, BATCH_LINES))):
        if not may_go_on():
            raise SignedOut("a file was not sent to its end: who asked for it is no operator any more")
        give_more_time()
        text = "".join(f"{line}\n" for line in batch if line)
        if text:
            yield text


def _charger(identity: str) -> LoggedCharger:
    charger = queries.charger(identity)
    if charger is None:
        abort(404)
    return charger

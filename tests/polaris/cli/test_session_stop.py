"""`session stop`, as far as no charger is needed: what is asked, refused, and said of a charger that is not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask

from polaris.models import AuditEntry, StopRequest
from tests.support.cast import Cast
from tests.support.charging import Charging

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments: app.test_cli_runner().invoke(args=["session", *map(str, arguments)])


@pytest.mark.both_databases
def test_stop_that_cannot_be(run: Run, charging: Charging, cast: Cast) -> None:
    ended = charging.start(cast.ada.id_tag)
    charging.end(ended, 5200)
    assert run("stop", ended, "--yes").output == f"Error: Session {ended} has ended already.\n"
    assert run("stop", 4711, "--yes").output == "Error: There is no session 4711.\n"
    number = charging.start(cast.ada.id_tag)
    asked = run("stop", number)
    assert (asked.exit_code, "Stop session" in asked.output, cast.ada.email in asked.output) == (1, True, True)
    assert not StopRequest.select().exists()
    offline = run("stop", number, "--yes")
    assert offline.output.splitlines() == [
        f"Session {number}, Depot 7, connector 1, {cast.ada.email}",
        f"The charger of session {number} is asked to end it.",
        "The charger is offline: the stop did not reach it, and will not be sent later.",
    ]
    assert offline.exit_code == 1
    (request,) = StopRequest.select()
    assert (request.account_id, AuditEntry.get(AuditEntry.action == "stop.requested").actor) == (None, "command line")
    assert "It was asked to stop just now." in run("stop", number, "--yes").output

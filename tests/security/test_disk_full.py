"""A full disk: it is named, once; nothing is acknowledged that is not stored; all goes on when there is room."""

from __future__ import annotations

import base64
import logging
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from polaris import models
from polaris.config import Config
from polaris.models import ChargingSession
from polaris.ocpp_log.files import Line, LogFiles, read
from simulator.demo import SavedState
from tests.conftest import settings_of
from tests.support import cast as cast_
from tests.support import make_run
from tests.support.cast import Cast, ChargerInfo, Person
from tests.support.database import disconnect
from tests.support.disks import FileLimit, FullPostgres, SmallDisk
from tests.support.forms import TOKEN
from tests.support.postgres import Postgres
from tests.support.processes import Process, Processes
from tests.support.wait import eventually
from tests.system.world import ChargerInTown

Disk = SmallDisk | FileLimit | FullPostgres

CANNOT_STORE = "cannot store anything until its disk has room"


@pytest.fixture(params=["small disk", "limited files", "postgresql"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        url = server.create_database(request.getfixturevalue("postgres_template"))
        made: Disk = FullPostgres(url, tmp_path / "disk")
    else:
        made = (SmallDisk if request.param == "small disk" else FileLimit)(tmp_path / "disk")
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), made.directory / 'polaris.db')}"
    request.node.stash[URL] = url
    yield made
    made.close()


URL = pytest.StashKey[str]()


@pytest.fixture
def settings(request: pytest.FixtureRequest, disk: Disk, redis_url: str) -> dict[str, str]:
    return settings_of(request.node.stash[URL], redis_url, disk.directory) | {"LEASE_S": "3"}


@pytest.fixture
def cast(config: Config) -> Iterator[Cast]:
    models.connect(config.database_url)
    yield cast_.everybody(config)
    disconnect()


def test_named_once_refused_and_over_when_there_is_room(
    disk: Disk, config: Config, cast: Cast, processes: Processes
) -> None:
    web, bridge = processes.web(), processes.bridge()
    health = f"http://{config.host}:{config.ocpp_health_port}"
    charger = ChargerInTown(bridge.url, cast.depot_7.identity, cast.depot_7.key)
    charger.connect()
    number = charger.start(cast.ada.id_tag)
    charger.deliver(100)
    browser = build_opener(HTTPCookieProcessor())
    assert sign_in(browser, web.url, cast.ada)[0] == 200
    disk.fill(web, bridge)
    sent = list(range(200, 220))
    for energy_wh in sent:
        charger.deliver(energy_wh, wait=False)
    eventually(lambda: CANNOT_STORE in bridge.log_text())
    eventually(lambda: status(f"{health}/readyz") == 503)
    eventually(lambda: "disk of the database is full" in answer(browser, f"{web.url}/readyz")[1])
    assert status(f"{web.url}/readyz") == 503
    assert ChargingSession.get_by_id(number).energy_wh < sent[-1]
    assert answer(browser, f"{web.url}/sessions/{number}")[0] == 200  # what is stored is still shown
    code, text = sign_in(build_opener(HTTPCookieProcessor()), web.url, cast.ada)
    assert (code, "cannot store anything" in text) == (503, True)
    assert handshake(f"{bridge.url}/{cast.depot_7.identity}", cast.depot_7) == 503
    assert status(f"{web.url}/healthz") == status(f"{health}/healthz") == 200
    disk.empty()
    eventually(lambda: ChargingSession.get_by_id(number).energy_wh == sent[-1])
    eventually(lambda: status(f"{web.url}/readyz") == 200)
    eventually(lambda: status(f"{health}/readyz") == 200)
    charger.end()
    charger.close()
    assert sign_in(build_opener(HTTPCookieProcessor()), web.url, cast.ada)[0] == 200
    for process in (web, bridge):
        log = process.log_text()
        assert log.count(CANNOT_STORE) == log.count("The database stores again") == 1, log
        assert "Traceback" not in log
        assert "no transaction" not in log


def test_run_outlives_it(tmp_path: Path) -> None:
    """`make run` with its whole directory on the disk: nothing ends, the demo's chargers neither."""
    disk = SmallDisk(tmp_path / "var")
    ports = make_run.ports()
    environment = {"POLARIS_VAR": str(disk.directory), **ports}
    url = f"http://127.0.0.1:{ports['PORT']}"
    run = Process([sys.executable, "-m", "dev"], environment, tmp_path / "run.log", url=url)
    try:
        make_run.serve(run)
        disk.fill()
        eventually(lambda: status(f"{url}/readyz") == 503)
        eventually(lambda: run.log_text().count(CANNOT_STORE) == 2)  # web and bridge
        disk.empty()
        eventually(lambda: run.log_text().count("The database stores again") == 2)
        assert status(f"{url}/readyz") == 200
        assert run.is_running
        assert "ended unexpectedly" not in run.log_text()
        assert "Traceback" not in run.log_text()
    finally:
        make_run.end(run, disk.directory)
        disk.close()


def test_frames_of_a_full_disk_leave_no_half_lines(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, "bridge", max_bytes=1_000_000, max_age_s=60)
    before, after = (Line(at_us, "depot-7", "1", "in", "x" * 3000) for at_us in (1, 2))
    files.write([before])
    with limited_to(4096), pytest.raises(OSError, match="too large"):
        files.write([Line(1, "depot-7", "1", "in", "y" * 3000)])
    files.write([after])
    assert read(tmp_path, "depot-7", 0, 10) == [before, after]


def test_demo_goes_on_without_its_state(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = SavedState.load(tmp_path / "state.json")
    with limited_to(8), caplog.at_level(logging.WARNING):
        state.save_transaction(7)
        state.save_register(1000)
    assert len(caplog.records) == 1
    state.save_register(2000)
    assert SavedState.load(state.path).transaction_id == 7


def sign_in(browser: OpenerDirector, url: str, person: Person) -> tuple[int, str]:
    found = TOKEN.search(answer(browser, f"{url}/sign-in")[1])
    assert found
    form = {"csrf_token": found[1], "email": person.email, "password": person.password}
    return answer(browser, f"{url}/sign-in", urlencode(form).encode())


def status(url: str) -> int:
    return answer(build_opener(), url)[0]


def answer(browser: OpenerDirector, url: str, form: bytes | None = None) -> tuple[int, str]:
    try:
        with browser.open(url, form, timeout=30) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def handshake(url: str, charger: ChargerInfo) -> int:
    """The status with which a charger's handshake is answered."""
    credentials = base64.b64encode(f"{charger.identity}:{charger.key}".encode()).decode()
    try:
        connect(
            url, subprotocols=[Subprotocol("ocpp1.6")], additional_headers={"Authorization": f"Basic {credentials}"}
        )
    except InvalidStatus as refusal:
        return refusal.response.status_code
    return 101


@contextmanager
def limited_to(max_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a disk that is full."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

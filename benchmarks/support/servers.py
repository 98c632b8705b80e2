"""The OCPP servers that are compared: the stock `ocpp` loop, npm's ocpp-rpc, and this bridge over its database."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.support.machine import wait_for_port
from benchmarks.support.settings import CHARGER_KEY, settings
from polaris import charger_keys, models
from polaris.config import Config
from polaris.models import Account, Charger, EvCard
from tests.support import foreign
from tests.support.ports import free_port
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey

PEERS = Path(__file__).parents[1] / "peers"


def stock(directory: str) -> AbstractContextManager[tuple[Process, int]]:
    """Run the stock receive loop, which answers and stores nothing."""
    return _peer(directory, "stock", [sys.executable, "-m", "benchmarks.peers.stock_ocpp"])


def ocpp_rpc(directory: str) -> AbstractContextManager[tuple[Process, int]]:
    """Run npm's ocpp-rpc in strict mode, which answers and stores nothing. Raise AssertionError if there is no node."""
    command = [foreign.node(), str(PEERS / "ocpp_rpc_server.js"), str(foreign.HERE / "node_modules")]
    return _peer(directory, "ocpp-rpc", command)


@contextmanager
def _peer(directory: str, name: str, command: list[str]) -> Iterator[tuple[Process, int]]:
    processes, port = Processes({"HOST": "127.0.0.1"}, Path(directory)), free_port()
    process = processes.start(name, [*command, str(port)])
    try:
        wait_for_port(port)
        yield process, port
    finally:
        processes.kill_all()


@contextmanager
def bridge(database_url: str, valkey: Valkey, directory: str, chargers: int) -> Iterator[tuple[Process, int]]:
    """Run a bridge over a migrated database with chargers and their cards."""
    environment = settings(Path(directory), database_url, valkey.url) | {
        "FRAMES_MB": os.environ.get("FRAMES_MB", "512")
    }
    config = Config.from_env(environment)
    models.connect(database_url)
    models.migrate()
    with models.database.connection_context():
        _populate(config, chargers)
    if not config.is_sqlite:
        models.database.obj.close_all()
    processes = Processes(environment, Path(tempfile.mkdtemp(dir=directory)))
    try:
        yield processes.bridge(), config.ocpp_port
    finally:
        processes.kill_all()


def _populate(config: Config, chargers: int) -> None:
    now = datetime.now(UTC)
    with models.database.atomic():
        account = Account.create(
            email="b@example.com", role="driver", status="active", password_hash="", created_at=now
        )
        for n in range(chargers):
            identity = f"bench-{n}"
            key_hash, version = charger_keys.hashed(config.charger_key_secrets, identity, CHARGER_KEY.encode())
            Charger.create(identity=identity, name=identity, site=1, key_hash=key_hash, key_version=version)
            EvCard.create(account=account, id_tag=f"T{identity}".upper(), status="active", created_at=now)

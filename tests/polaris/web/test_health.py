"""What probes are told."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from polaris import models
from polaris.version import VERSION
from tests.support.valkey import Valkey
from tests.support.wait import quickest_s


@pytest.mark.both_databases
def test_serving_process_is_ready(client: FlaskClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.mimetype == "text/plain"
        assert "Set-Cookie" not in answer.headers


def test_probe_reads_ok_person_reads_version(client: FlaskClient) -> None:
    assert client.get("/healthz").text == f"ok\nPolaris {VERSION}\n"


def test_healthy_but_not_ready_without_redis(client: FlaskClient, valkey: Valkey) -> None:
    valkey.stop()

    def probe() -> None:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "redis does not answer\n")
        assert client.get("/healthz").status_code == 200

    assert quickest_s(probe) < 5


@pytest.mark.both_databases
def test_healthy_but_not_ready_without_database(client: FlaskClient, valkey: Valkey) -> None:
    models.close()
    models.connect("postgresql://nobody@127.0.0.1:1/polaris")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.text) == (503, "database does not answer\n")
    assert client.get("/healthz").status_code == 200

    valkey.stop()
    assert client.get("/readyz").text == "database does not answer\nredis does not answer\n"

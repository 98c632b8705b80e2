"""A push service's address is a stranger's word: nothing within the network is ever called."""

from __future__ import annotations

from pathlib import Path

import pytest

from polaris.web_push.endpoints import NOT_PUBLIC, PushServices, Unreachable, is_public
from tests.support import mail_server, push_service
from tests.support.certificates import Authority


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "142.250.74.10", "2a00:1450:4001:829::200a"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "127.1"])
def test_nothing_within_is_called(host: str, tmp_path: Path) -> None:
    with push_service.running(Authority(tmp_path / "authority")) as service:
        port = service.origin.rpartition(":")[2]
        with pytest.raises(Unreachable) as refused:
            PushServices(context=service.context).post(f"https://{host}:{port}/push", {}, b"x")
        assert service.bodies == []
    assert str(refused.value) == NOT_PUBLIC or "could not be reached" in str(refused.value)


def test_no_redirect_is_followed(tmp_path: Path) -> None:
    with push_service.running(Authority(tmp_path / "authority")) as service:
        service.status, service.location = 307, f"{service.origin}/elsewhere"
        services = PushServices(lambda address: True, service.context)
        assert services.post(f"{service.origin}/push", {}, b"x") == 307
        assert len(service.bodies) == 1


def test_certificate_that_is_not_good(tmp_path: Path) -> None:
    with push_service.running(Authority(tmp_path / "authority")) as service:
        with pytest.raises(Unreachable, match="could not be reached"):
            PushServices(lambda address: True).post(f"{service.origin}/push", {}, b"x")
        assert service.bodies == []


def test_service_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polaris.web_push.endpoints.SEND_TIMEOUT_S", 0.3)
    with mail_server.dripping() as port, pytest.raises(Unreachable, match="did not answer in time"):
        PushServices(lambda address: True).post(f"https://127.0.0.1:{port}/push", {}, b"x")

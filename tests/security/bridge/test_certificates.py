"""Revoked certificates of chargers, and certificates that are renewed while chargers are connected."""

from __future__ import annotations

import asyncio
import shutil
import signal
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import InvalidMessage

from ocpp_bridge.handshake.tls import Certificates
from polaris.config import Config, ConfigError
from polaris.models import Charger
from tests.support.certificates import Authority, Pair
from tests.support.depot import Depot, until
from tests.support.ports import free_port
from tests.support.processes import Process, Processes

BROKEN_OFF = (ssl.SSLError, ConnectionError, EOFError, InvalidMessage)  # TLS 1.3 says it after its handshake
WARNING = "OCPP_TLS_CLIENT_CRL is valid until"
READ, NOT_READ = "The certificates were read again", "The certificates were not read again"


@dataclass
class Secure:
    """A bridge with the bridge's own certificate, its authority's, and the list of what that has revoked."""

    depot: Depot
    authority: Authority
    bridge: Process
    own: Pair
    crl: Path

    def profile_3(self) -> tuple[str, Pair]:
        identity = self.depot.identity()
        Charger.update(security_profile=3).where(Charger.identity == identity).execute()
        return identity, self.authority.sign(identity, "clientAuth")

    def trust(self, own: Pair, authority: Authority | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str((authority or self.authority).certificate))
        context.load_cert_chain(own.certificate, own.key)
        return context

    async def read(self, line: str, times: int = 1) -> None:
        await until(lambda: self.bridge.log_text().count(line) >= times)


@pytest.fixture
def secure(own_depot: Depot, processes: Processes, tmp_path: Path) -> Secure:
    port = str(free_port())
    authority = Authority(tmp_path / "authority")
    signed = authority.sign("bridge", "serverAuth")
    own = Pair(tmp_path / "own.pem", tmp_path / "own.key")
    shutil.copy(signed.certificate, own.certificate)
    shutil.copy(signed.key, own.key)
    crl = Path(shutil.copy(authority.revoke(), tmp_path / "crl.pem"))
    bridge = processes.bridge(
        OCPP_TLS_PORT=port,
        OCPP_TLS_CERT=str(own.certificate),
        OCPP_TLS_KEY=str(own.key),
        OCPP_TLS_CLIENT_CA=str(authority.certificate),
        OCPP_TLS_CLIENT_CRL=str(crl),
    )
    over_tls = Depot(own_depot.config, f"wss://{own_depot.config.host}:{port}/ocpp")
    return Secure(over_tls, authority, bridge, own, crl)


async def test_revoked_certificate_refused(secure: Secure) -> None:
    (kept, kept_pair), (lost, lost_pair) = secure.profile_3(), secure.profile_3()
    async with secure.depot.charger(lost, None, tls=secure.trust(lost_pair), reconnects=False) as connected:
        await connected.heartbeat()
        shutil.copy(secure.authority.revoke(lost_pair), secure.crl)
        await secure.read(READ)  # by itself
        await connected.heartbeat()  # nobody is dropped
    with pytest.raises(BROKEN_OFF):
        await secure.depot.charger(lost, None, tls=secure.trust(lost_pair)).connect()
    await secure.read("TLS was not established: certificate revoked")
    async with secure.depot.charger(kept, None, tls=secure.trust(kept_pair)) as other:
        await other.heartbeat()


async def test_renewed_certificate_used_and_broken_one_not(secure: Secure, tmp_path: Path) -> None:
    identity, pair = secure.profile_3()
    async with secure.depot.charger(identity, None, tls=secure.trust(pair), reconnects=False) as connected:
        secure.own.certificate.write_text("nonsense")
        secure.bridge.signal(signal.SIGHUP)
        await secure.read(NOT_READ)
        other, other_pair = secure.profile_3()
        async with secure.depot.charger(other, None, tls=secure.trust(other_pair)) as charger:
            await charger.heartbeat()

        renewed_by = Authority(tmp_path / "another")
        renewed = renewed_by.sign("bridge", "serverAuth")
        shutil.copy(renewed.key, secure.own.key)
        shutil.copy(renewed.certificate, secure.own.certificate)
        secure.bridge.signal(signal.SIGHUP)
        await secure.read(READ)
        async with secure.depot.charger(other, None, tls=secure.trust(other_pair, renewed_by)) as charger:
            await charger.heartbeat()
        with pytest.raises(BROKEN_OFF):
            await secure.depot.charger(other, None, tls=secure.trust(other_pair)).connect()
        await connected.heartbeat()
    assert await asyncio.to_thread(secure.bridge.stop) == 0
    assert "Traceback" not in secure.bridge.log_text()


async def test_operator_warned_before_list_is_outdated(secure: Secure) -> None:
    assert WARNING not in secure.bridge.log_text()
    shutil.copy(secure.authority.revoke(hours=23), secure.crl)
    await secure.read(WARNING)
    shutil.copy(secure.authority.revoke(hours=48), secure.crl)
    await secure.read(READ, times=2)
    assert secure.bridge.log_text().count(WARNING) == 1


def test_list_needed_and_usable(settings: dict[str, str], tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    pair = authority.sign("bridge", "serverAuth")
    tls = settings | {"OCPP_TLS_CERT": str(pair.certificate), "OCPP_TLS_KEY": str(pair.key)}
    with pytest.raises(ConfigError, match="OCPP_TLS_CLIENT_CRL needs OCPP_TLS_CLIENT_CA"):
        Certificates(Config.from_env(tls | {"OCPP_TLS_CLIENT_CRL": "x"}))
    no_list = {"OCPP_TLS_CLIENT_CA": str(authority.certificate), "OCPP_TLS_CLIENT_CRL": str(authority.certificate)}
    with pytest.raises(ConfigError, match="it holds no revocation list"):
        Certificates(Config.from_env(tls | no_list))

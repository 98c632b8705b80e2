"""Security profiles 0 to 3 over real sockets and real TLS: who is let in, and that nobody is let in with less."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import InvalidMessage, InvalidStatus

from ocpp_bridge.handshake.admission import Handshake, Verdict, judge
from polaris.ingest import ChargerKey
from polaris.models import Charger
from tests.support.certificates import Authority, Pair
from tests.support.depot import KEY, Depot, row, session
from tests.support.ports import free_port
from tests.support.processes import ROOT, Process, Processes

BROKEN_OFF = (ssl.SSLError, ConnectionError, EOFError, InvalidMessage)  # TLS 1.3 says it after its handshake


@dataclass
class Secure:
    """A bridge that speaks TLS beside its plain port."""

    depot: Depot  # its plain address
    url: str  # its TLS address
    authority: Authority
    bridge: Process

    def with_profile(self, profile: int) -> str:
        identity = self.depot.identity()
        Charger.update(security_profile=profile).where(Charger.identity == identity).execute()
        return identity

    def trust(self, own: Pair | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if own is not None:
            context.load_cert_chain(own.certificate, own.key)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def secure(own_depot: Depot, processes: Processes, authority: Authority) -> Secure:
    port = str(free_port())
    own = authority.sign("bridge", "serverAuth")
    bridge = processes.bridge(
        OCPP_TLS_PORT=port,
        OCPP_TLS_CERT=str(own.certificate),
        OCPP_TLS_KEY=str(own.key),
        OCPP_TLS_CLIENT_CA=str(authority.certificate),
    )
    return Secure(own_depot, f"wss://{own_depot.config.host}:{port}/ocpp", authority, bridge)


@pytest.mark.field(101)
async def test_profile_2_key_over_tls_only(secure: Secure) -> None:
    identity = secure.with_profile(2)
    over_tls = Depot(secure.depot.config, secure.url)
    await _refused(secure.depot, identity)
    await _refused(over_tls, identity, "not-its-key-at-all", tls=secure.trust())
    async with over_tls.charger(identity, tls=secure.trust()) as charger:
        transaction = await charger.start_transaction(over_tls.card().id_tag)
        await charger.stop_transaction(transaction, meter_stop_wh=700)
        assert session(transaction.id).energy_wh == 700
    over_tls.check_frames()


@pytest.mark.field(103)
async def test_profile_3_certificate_without_key(secure: Secure) -> None:
    identity = secure.with_profile(3)
    over_tls = Depot(secure.depot.config, secure.url)
    own = secure.authority.sign(identity, "clientAuth")
    async with over_tls.charger(identity, None, tls=secure.trust(own)) as charger:
        await charger.boot()
        assert row(identity).booted_at is not None
    over_tls.check_frames()


@pytest.mark.field(103)
async def test_profile_3_refuses_key_and_other_certificate(secure: Secure, tmp_path: Path) -> None:
    identity = secure.with_profile(3)
    over_tls = Depot(secure.depot.config, secure.url)
    anothers = secure.authority.sign("another-charger", "clientAuth")
    await _refused(secure.depot, identity)
    await _refused(over_tls, identity, tls=secure.trust())
    await _refused(over_tls, identity, tls=secure.trust(anothers))
    stranger = Authority(tmp_path / "stranger").sign(identity, "clientAuth")
    with pytest.raises(BROKEN_OFF):
        await over_tls.charger(identity, None, tls=secure.trust(stranger)).connect()
    servers = secure.authority.sign(identity, "serverAuth")
    with pytest.raises(BROKEN_OFF):
        await over_tls.charger(identity, None, tls=secure.trust(servers)).connect()
    assert row(identity).connection_id is None


@pytest.mark.field(103)
async def test_certificate_does_not_replace_key(secure: Secure) -> None:
    identity = secure.with_profile(2)
    own = secure.authority.sign(identity, "clientAuth")
    await _refused(Depot(secure.depot.config, secure.url), identity, None, tls=secure.trust(own))


@pytest.mark.field(103)
async def test_tls_below_1_2_refused(secure: Secure) -> None:
    over_tls, identity = Depot(secure.depot.config, secure.url), secure.with_profile(2)
    async with over_tls.charger(identity, tls=_only_version(secure, ssl.TLSVersion.TLSv1_2)) as charger:
        await charger.heartbeat()
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old = _only_version(secure, ssl.TLSVersion.TLSv1_1)
    hello = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        old.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1").do_handshake()
    assert hello.pending  # this side would speak it
    with pytest.raises(BROKEN_OFF):
        await over_tls.charger(identity, tls=old).connect()


@pytest.mark.field(101)
async def test_profile_1_over_tls(secure: Secure) -> None:
    over_tls = Depot(secure.depot.config, secure.url)
    async with over_tls.charger(tls=secure.trust()) as charger:
        await charger.heartbeat()


async def test_plain_text_on_tls_port(secure: Secure) -> None:
    over_tls = Depot(secure.depot.config, secure.url)
    async with over_tls.charger(tls=secure.trust()) as charger:
        reader, writer = await asyncio.open_connection(over_tls.config.host, int(secure.url.split(":")[2][:-5]))
        writer.write(b"GET /ocpp/x HTTP/1.1\r\n\r\n")
        assert b"101" not in await reader.read()
        writer.close()
        await charger.heartbeat()
    assert "Traceback" not in secure.bridge.log_text()


@pytest.mark.field(100)
async def test_profile_0_is_opt_in(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    open_one, other = own_depot.identity(), own_depot.identity()
    Charger.update(security_profile=0, key_hash="", key_version=0).where(Charger.identity == open_one).execute()
    async with own_depot.charger(open_one, None) as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        assert transaction.status == "Accepted"
    await _refused(own_depot, other, None)


@pytest.mark.field(100)
@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        ("192.168.3.4", Verdict.ADMITTED),
        ("10.1.2.3", Verdict.ADMITTED),
        ("fd00::1", Verdict.ADMITTED),
        ("::ffff:10.1.2.3", Verdict.ADMITTED),
        ("8.8.8.8", Verdict.REFUSED),
        ("::ffff:8.8.8.8", Verdict.REFUSED),
        ("2001:4860:4860::8888", Verdict.REFUSED),
        ("", Verdict.REFUSED),
        ("unknown", Verdict.REFUSED),
    ],
)
def test_profile_0_private_networks_only(address: str, verdict: Verdict) -> None:
    charger = ChargerKey(1, "depot-7", "", 0, security_profile=0)
    handshake = Handshake("depot-7", KEY.encode(), address, is_encrypted=True, common_name="depot-7")
    assert judge(charger, handshake, {1: b"x" * 32}) is verdict


@pytest.mark.field(103)
async def test_proxy_headers_count_behind_proxy(own_depot: Depot, processes: Processes) -> None:
    processes.bridge(OCPP_PROXY_HOPS="1", OCPP_CLIENT_CN_HEADER="X-Client-CN")
    identity, private = own_depot.identity(), own_depot.identity()
    Charger.update(security_profile=3).where(Charger.identity == identity).execute()
    Charger.update(security_profile=0).where(Charger.identity == private).execute()
    https = ("X-Forwarded-Proto", "https")
    name = ("X-Client-CN", identity)
    assert await _status(own_depot, identity, https, name) == 101
    assert await _status(own_depot, identity, https) == 401
    assert await _status(own_depot, identity, name) == 401
    assert await _status(own_depot, identity, ("X-Forwarded-Proto", "https, http"), name) == 401
    assert await _status(own_depot, identity, https, ("X-Client-CN", "another")) == 401
    assert await _status(own_depot, identity, https, name, ("X-Client-CN", "another")) == 401
    assert await _status(own_depot, private, ("X-Forwarded-For", "10.0.0.1")) == 101
    assert await _status(own_depot, private, ("X-Forwarded-For", "10.0.0.1, 8.8.8.8")) == 401
    assert await _status(own_depot, private) == 401


@pytest.mark.field(103)
async def test_headers_ignored_without_proxy(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    two, three = own_depot.identity(), own_depot.identity()
    Charger.update(security_profile=2).where(Charger.identity == two).execute()
    Charger.update(security_profile=3).where(Charger.identity == three).execute()
    forwarded = ("X-Forwarded-Proto", "https")
    key = base64.b64encode(f"{two}:{KEY}".encode()).decode()
    assert await _status(own_depot, three, forwarded, ("X-Client-CN", three)) == 401
    assert await _status(own_depot, two, forwarded, ("Authorization", f"Basic {key}")) == 401


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"OCPP_TLS_CERT": "/nowhere.pem"}, "OCPP_TLS_CERT or OCPP_TLS_KEY cannot be used: "),
        ({"OCPP_TLS_CLIENT_CA": "/nowhere.pem"}, "OCPP_TLS_CLIENT_CA needs OCPP_TLS_CERT."),
        ({"OCPP_CLIENT_CN_HEADER": "X-Client-CN"}, "OCPP_CLIENT_CN_HEADER needs OCPP_PROXY_HOPS"),
    ],
)
def test_bad_tls_settings_are_one_sentence(settings: dict[str, str], changes: dict[str, str], words: str) -> None:
    command = [sys.executable, "-m", "ocpp_bridge"]
    environment = settings | changes
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1


def _only_version(secure: Secure, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = secure.trust()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = version
    context.maximum_version = version
    return context


async def _refused(depot: Depot, identity: str, key: str | None = KEY, **wire: object) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await depot.charger(identity, key, **wire).connect()
    assert refused.value.response.status_code == 401


async def _status(depot: Depot, identity: str, *headers: tuple[str, str]) -> int:
    """The status of a handshake with these headers and no key."""
    from websockets.asyncio.client import connect

    try:
        async with connect(f"{depot.url}/{identity}", subprotocols=["ocpp1.6"], additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code

"""Who may connect, and what is said to who may not."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote, urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.depot import KEY, Depot, row, until


@pytest.mark.both_databases
@pytest.mark.field(61, 101)
async def test_unknown_and_wrong_key_same_401(depot: Depot) -> None:
    known = depot.identity()
    answers = {
        await _handshake(depot, f"/ocpp/{known}", known, b"not-the-key-at-all"),
        await _handshake(depot, "/ocpp/nobody-knows", "nobody-knows", KEY.encode()),
        await _handshake(depot, f"/ocpp/{known}", "another-user", KEY.encode()),
        await _handshake(depot, f"/ocpp/{known}", known, b""),
        await _handshake(depot, f"/ocpp/{known}", None, b""),
    }
    assert len(answers) == 1
    (answer,) = answers
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'\r\nWWW-Authenticate: Basic realm="OCPP"\r\n' in answer


@pytest.mark.parametrize(
    "authorization", ["Bearer x", "Basic", "Basic !!!", "Basic " + "A" * 4000, "Digest a=b", "\xff"]
)
async def test_odd_authorization_is_401(depot: Depot, authorization: str) -> None:
    answer = await _raw_handshake(depot, f"/ocpp/{depot.identity()}", [f"Authorization: {authorization}"])
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_two_authorizations_are_401(depot: Depot) -> None:
    identity = depot.identity()
    header = f"Authorization: Basic {base64.b64encode(f'{identity}:{KEY}'.encode()).decode()}"
    assert (await _raw_handshake(depot, f"/{identity}", [header, header])).startswith(b"HTTP/1.1 401 ")


@pytest.mark.field(101)
async def test_key_of_raw_bytes_and_colons(depot: Depot) -> None:
    key = bytes([0, 255, 58, 200]) * 5
    async with depot.charger(key=key) as charger:
        await charger.heartbeat()


@pytest.mark.field(60)
@pytest.mark.parametrize("prefix", ["/ocpp/", "/"])
@pytest.mark.parametrize("query", ["", "?token=1&x=/"])
async def test_path_names_charger(depot: Depot, prefix: str, query: str) -> None:
    identity = depot.identity()
    answer = await _handshake(depot, f"{prefix}{identity}{query}", identity, KEY.encode())
    assert answer.startswith(b"HTTP/1.1 101 ")


@pytest.mark.field(60)
async def test_identity_decoded_once(depot: Depot) -> None:
    identity = depot.identity()
    encoded = "".join(f"%{byte:02X}" for byte in identity.encode())
    assert (await _handshake(depot, f"/ocpp/{encoded}", identity, KEY.encode())).startswith(b"HTTP/1.1 101 ")
    twice = await _handshake(depot, f"/ocpp/{quote(encoded)}", identity, KEY.encode())
    assert twice.startswith(b"HTTP/1.1 401 ")


@pytest.mark.field(60)
@pytest.mark.parametrize(
    "path", ["/", "/ocpp/", "/ocpp/a/b", "/ocpp/a%2Fb", "/a%3Ab", "/ocpp/a%0Ab", "/ocpp/%00", "/%FF", "/" + "a" * 49]
)
async def test_nameless_path_is_401(depot: Depot, path: str) -> None:
    assert (await _handshake(depot, path, "a", b"key")).startswith(b"HTTP/1.1 401 ")


@pytest.mark.field(62)
@pytest.mark.parametrize("subprotocols", [(), ("ocpp1.5",), ("ocpp2.0", "mqtt")])
async def test_no_common_version_closes(depot: Depot, subprotocols: tuple[str, ...]) -> None:
    async with depot.charger(subprotocols=subprotocols, reconnects=False) as charger:
        await charger.connection.wait_closed()
        await until(lambda: charger.connection.close_code == 1002)
        assert row(charger.identity).connection_id is None


@pytest.mark.field(63)
async def test_known_version_chosen(depot: Depot) -> None:
    async with depot.charger(subprotocols=("ocpp9.9", "ocpp1.6", "ocpp1.5")) as charger:
        await charger.boot()
        assert row(charger.identity).protocol == "ocpp1.6"


@pytest.mark.both_databases
@pytest.mark.field(65)
async def test_newest_connection_wins(depot: Depot) -> None:
    async with depot.charger(reconnects=False) as old:
        await old.boot()
        first = row(old.identity).connection_id
        async with depot.charger(old.identity) as new:
            await new.heartbeat()
            await old.connection.wait_closed()
            await until(lambda: row(old.identity).connection_id not in (None, first))
            second = row(old.identity).connection_id
            await new.boot()
            assert row(old.identity).connection_id == second
        await until(lambda: row(old.identity).connection_id is None)


@pytest.mark.field(65)
async def test_wrong_key_replaces_nobody(depot: Depot) -> None:
    async with depot.charger() as charger:
        await charger.boot()
        with pytest.raises(InvalidStatus):
            await depot.charger(charger.identity, "a-wrong-key-of-some-length").connect()
        await charger.heartbeat()
        assert charger.connection.connected.is_set()


@pytest.mark.field(68)
async def test_reconnect_without_boot(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(card.id_tag)
        charger.connection.drop()
        await charger.connection.wait_closed()
        assert await charger.meter_values(transaction, 100) == {}
        assert await charger.stop_transaction(transaction, meter_stop_wh=200) == {}


async def _handshake(depot: Depot, path: str, user: str | None, key: bytes) -> bytes:
    if user is None:
        return await _raw_handshake(depot, path, [])
    credentials = base64.b64encode(user.encode() + b":" + key).decode()
    return await _raw_handshake(depot, path, [f"Authorization: Basic {credentials}"])


async def _raw_handshake(depot: Depot, path: str, headers: list[str]) -> bytes:
    """The answer's head and body, without its date."""
    address = urlsplit(depot.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    fixed = [
        "Host: bridge",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol: ocpp1.6",
    ]
    writer.write("\r\n".join([f"GET {path} HTTP/1.1", *fixed, *headers, "", ""]).encode("latin-1"))
    head = await reader.readuntil(b"\r\n\r\n")
    body = b"" if head.startswith(b"HTTP/1.1 101") else await reader.read()
    writer.close()
    await writer.wait_closed()
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Date:")) + body

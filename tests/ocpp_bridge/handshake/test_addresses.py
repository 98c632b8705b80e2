"""Addresses that are almost right: taken if they can mean only one charger, else refused and noted as asked for."""

from __future__ import annotations

import asyncio
import base64
import itertools
from urllib.parse import quote, urlsplit

import pytest

from polaris import administration
from polaris.administration import Refused, charger_security
from polaris.models import UnrecognisedCharger
from tests.support.command_line import run_command
from tests.support.depot import KEY, Depot, now, row, until
from tests.support.processes import Processes

WHO = {"actor": "olga@example.com", "now": now()}
_numbers = itertools.count(1)


@pytest.mark.field(117)
@pytest.mark.parametrize(
    "path",
    [
        "/ocpp/{0}/",
        "/ocpp/{0}//",
        "/OCPP/{0}",
        "/Ocpp/{0}/?x=1",
        "/ocpp/{0}/{0}",
        "/ocpp/1.6/{0}",
        "/ocpp1.6/{0}",
        "/ocpp/ocpp1.6/{0}/",
        "/{0}",
        "/{0}/",
        "//ocpp//{0}",
        "/{0}/ocpp",
        "/ocpp/{0}/1.6",
        "/ocpp%2F{0}",
        "/steve/websocket/CentralSystemService/{0}",
        "/ocpp/",
        "/ocpp",
        "/",
        "/ocpp/1.6",
        "/ocpp2.0.1/",
        "/ocpp/v1.6J",
        "/ws",
        "/websocket/ocpp16/",
    ],
)
async def test_almost_right_address_taken(depot: Depot, path: str) -> None:
    identity = depot.identity()
    assert await handshake(depot, path.format(identity), identity) == 101
    await until(lambda: row(identity).connected_at)
    assert await handshake(depot, path.format(identity), identity, "a-wrong-key-of-some-length") == 401


@pytest.mark.field(117)
@pytest.mark.parametrize("path", ["/ocpp/{0}", "/{0}/", "/ocpp/%20{0}%20", "/ocpp/1.6/{0}", "/ocpp"])
async def test_identity_in_another_spelling(depot: Depot, path: str) -> None:
    identity = f"Depot-{next(_numbers)}"
    administration.add_charger(depot.config.charger_key_secrets, identity, key=KEY, **WHO)
    for spelled in (identity.lower(), identity.upper()):
        assert await handshake(depot, path.format(spelled), spelled) == 101
        assert await handshake(depot, path.format(spelled), spelled, "a-wrong-key-of-some-length") == 401
    await until(lambda: row(identity).connected_at)


@pytest.mark.field(117)
async def test_address_of_two_chargers_refused(depot: Depot) -> None:
    one, other = depot.identity(), depot.identity()
    for path in (f"/ocpp/{one}/{other}", f"/{other}/{one}"):
        assert await handshake(depot, path, one) == 401
    await noted(one, f"/{other}/{one}")
    assert await handshake(depot, f"/ocpp/{other}", one) == 401
    administration.add_charger(depot.config.charger_key_secrets, "2.1", key=KEY, **WHO)  # another charger's name
    assert await handshake(depot, "/ocpp/2.1", one) == 401
    assert await handshake(depot, "/ocpp/2.1", "2.1") == 101
    assert await handshake(depot, "/" + "/".join(["a", "b", "c", "d", "e", "f", one]), one) == 401


@pytest.mark.field(117)
async def test_same_answer_whether_charger_exists(depot: Depot) -> None:
    identity = depot.identity()
    wrong = "a-wrong-key-of-some-length"
    answers = {
        await answer(depot, f"/ocpp/1.6/{identity}", identity.encode(), wrong),
        await answer(depot, "/ocpp/1.6/nobody-knows", b"nobody-knows", wrong),
        await answer(depot, "/ocpp/", identity.encode(), wrong),
        await answer(depot, "/", b"", wrong),
        await answer(depot, "/%FF/%00", b"", wrong),
    }
    assert len(answers) == 1


@pytest.mark.field(117)
@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/ocpp/2.0.1/{0}?key=secret", "/ocpp/2.0.1/{0}"),
        ("/{0}/ocpp1.6", "/{0}/ocpp1.6"),
        ("/ocpp/1.6", "/ocpp/1.6"),
        ("/ws/", "/ws/"),
        ("/" + "x" * 400 + "/{0}", "/" + "x" * 199),
        ("/{0}/\x1b[31m", "/{0}/[31m"),
        ("/", "/"),
    ],
)
async def test_refused_address_noted(depot: Depot, path: str, shown: str) -> None:
    identity = f"new-{next(_numbers)}"
    assert await handshake(depot, path.format(identity), identity) == 401
    await noted(identity, shown.format(identity))


@pytest.mark.field(117)
async def test_nameless_address_noted(depot: Depot) -> None:
    assert await handshake(depot, "/ocpp/%00", "") == 401
    await noted("", "/ocpp/%00")
    secrets = depot.config.charger_key_secrets
    with pytest.raises(Refused, match="An identity has"):
        depot.administer(charger_security.accept, secrets, "", is_new_key=True, name="x", **WHO)


@pytest.mark.field(117)
async def test_listed_and_accepted_at_its_address(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    assert await handshake(own_depot, "/ocpp/1.6/new%20one", "new one") == 401
    await noted("new one", "/ocpp/1.6/new%20one")
    listed = run_command(own_depot.config, "charger", "refused").stdout.splitlines()
    assert "ASKED FOR" in listed[0]
    assert listed[1].startswith("new one   127.0.0.1  /ocpp/1.6/new%20one  ")
    assert run_command(own_depot.config, "charger", "accept", "new one", "--yes").exit_code == 0
    assert await handshake(own_depot, "/ocpp/1.6/new%20one", "new one") == 101


@pytest.mark.field(123)
@pytest.mark.parametrize(
    "identity",
    [
        "Depot 7",
        "Säule 1",
        "100%",
        "a?b#c",
        "a&b;c",
        "it's",
        '"q"',
        "<b>",
        "a+b",
        "a\\b",
        "a,b",
        "%2F",
        "充电桩",
        "é" * 48,
    ],
)
async def test_identity_of_any_characters(depot: Depot, identity: str) -> None:
    administration.add_charger(depot.config.charger_key_secrets, identity, key=KEY, **WHO)
    for prefix in ("/ocpp/", "/", "/ocpp/1.6/"):
        assert await handshake(depot, prefix + quote(identity, safe=""), identity) == 101
    await until(lambda: row(identity).connected_at)


@pytest.mark.field(123)
@pytest.mark.parametrize(
    "user", ["Säule%203".encode(), b"S%C3%A4ule%203", "Säule 3".encode(), "Säule 3".encode("latin-1")]
)
async def test_user_name_in_every_spelling(own_depot: Depot, processes: Processes, user: bytes) -> None:
    processes.bridge()
    administration.add_charger(own_depot.config.charger_key_secrets, "Säule 3", key=KEY, **WHO)
    for path in ("/ocpp/S%C3%A4ule%203", "/S%c3%a4ule%203/"):
        assert int((await answer(own_depot, path, user, KEY)).split()[1]) == 101
        assert int((await answer(own_depot, path, user, KEY[1:])).split()[1]) == 401
    assert int((await answer(own_depot, "/ocpp/another", user, KEY)).split()[1]) == 401


async def noted(identity: str, path: str) -> None:
    seen = UnrecognisedCharger.identity == identity
    await until(lambda: UnrecognisedCharger.get_or_none(seen, UnrecognisedCharger.path == path))


async def handshake(depot: Depot, path: str, user: str, key: str = KEY) -> int:
    return int((await answer(depot, path, user.encode(), key)).split()[1])


async def answer(depot: Depot, path: str, user: bytes, key: str) -> bytes:
    """The answer's head and body, without its date."""
    address = urlsplit(depot.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = [
        f"GET {path} HTTP/1.1",
        "Host: bridge",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol: ocpp1.6",
    ]
    head += [f"Authorization: Basic {base64.b64encode(user + b':' + key.encode()).decode()}"] if user else []
    writer.write("\r\n".join([*head, "", ""]).encode("latin-1"))
    received = await reader.readuntil(b"\r\n\r\n")
    received += b"" if received.startswith(b"HTTP/1.1 101") else await reader.read()
    writer.close()
    await writer.wait_closed()
    return b"\r\n".join(line for line in received.split(b"\r\n") if not line.startswith((b"Date:", b"Sec-")))

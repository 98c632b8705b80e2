"""Cards as readers write them, tokens of other types, cards that expire, and those that nobody has, by version."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from polaris import administration
from polaris.administration import Refused
from polaris.domain.cards import TYPES, normal_id_tag
from polaris.domain.commands.catalog import StartCharging
from polaris.ingest import unknown_cards
from polaris.lists import cards
from polaris.lists.cards import CardFilter
from polaris.models import ChargingSession, EvCard, UnknownCard
from simulator.charger_v2 import event, token
from tests.support.depot import Depot, now, row, sessions, until
from tests.support.frames_of import start, stop

pytestmark = pytest.mark.both_databases

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
V2 = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
WHO: dict[str, Any] = {"actor": "tests", "now": now()}
TOMORROW = now().replace(microsecond=0) + timedelta(days=1)


def _charger(depot: Depot, version: str) -> Any:
    return depot.charger() if version == "ocpp1.6" else depot.charger_v2(subprotocols=(version,))


async def _authorized(charger: Any, version: str, id_tag: str, type_: str = "ISO14443") -> dict[str, str]:
    """The whole answer to Authorize."""
    if version == "ocpp1.6":
        return (await charger.call("Authorize", {"idTag": id_tag}))["idTagInfo"]
    return (await charger.call("Authorize", {"idToken": token(id_tag, type_)}))["idTokenInfo"]


async def _started(charger: Any, version: str, id_tag: str, type_: str = "ISO14443") -> dict[str, str]:
    """The whole answer to a start."""
    if version == "ocpp1.6":
        return (await charger.call("StartTransaction", start(id_tag)))["idTagInfo"]
    begun = event(f"tx-{id_tag}-{type_}", 0, "Started", "Authorized", idToken=token(id_tag, type_))
    return (await charger.call("TransactionEvent", begun))["idTokenInfo"]


def _email(depot: Depot) -> str:
    return depot.card().account.email


def _last(charger: Any) -> ChargingSession:
    return sessions(charger.identity)[-1]


@pytest.mark.field(123)
@VERSIONS
@pytest.mark.parametrize(
    ("entered", "sent"),
    [
        (" F6 CA {0} 0C C5", "F6 CA {0} 0C C5"),
        ("F6 CA {0} 0C C5", " F6 CA {0} 0C C5"),
        ("f6ca{0}0cc5", " F6 CA {0} 0C C5"),
        ("F6:CA:{0}:0C:C5", "F6CA{0}0CC5"),
        ("RDAM|{0}", "rdam|{0} "),
        ("C-{0}", "C-{0}\0\0\0"),
        ("T-{0}", "\tT-{0}\0\r\n"),
        ("Fleet no. {0}", "FLEET NO. {0}"),
        ("DE*ABC*{0}*1", "DE*ABC*{0}*1"),
        ('"{0}" <&\';%', '"{0}" <&\';%'),
    ],
)
async def test_cards_as_readers_write_them(depot: Depot, version: str, entered: str, sent: str) -> None:
    number = f"{EvCard.select().count() % 256:02X}"
    email = _email(depot)
    administration.add_card(email, entered.format(number), **WHO)
    async with _charger(depot, version) as charger:
        assert await _authorized(charger, version, sent.format(number)) == {"status": "Accepted"}
        assert await _started(charger, version, sent.format(number)) == {"status": "Accepted"}
        assert _last(charger).account.email == email


@pytest.mark.field(123)
@VERSIONS
async def test_different_cards_never_one(depot: Depot, version: str) -> None:
    administration.add_card(_email(depot), f"AB 1{version}", **WHO)
    async with _charger(depot, version) as charger:
        for other in (f"A B1{version}", f"AB1{version}", f"AB  1{version}", f"AB\0 1{version}"):
            assert await _authorized(charger, version, other) == {"status": "Invalid"}


@pytest.mark.field(133)
@V2
@pytest.mark.parametrize("type_", TYPES)
async def test_tokens_added_with_type(depot: Depot, version: str, type_: str) -> None:
    email, name = _email(depot), f"{type_}-of-{version}"
    administration.add_card(email, name, type_=type_, **WHO)
    listed, _ = cards.page(CardFilter(email=email), 10, None, now())
    assert f"{name.upper()} ({type_})" in {card.card for card in listed}
    async with _charger(depot, version) as charger:
        assert await _authorized(charger, version, name, type_) == {"status": "Accepted"}
        assert await _started(charger, version, name, type_) == {"status": "Accepted"}
        assert _last(charger).account.email == email


@pytest.mark.field(133)
@V2
async def test_contract_however_written(depot: Depot, version: str) -> None:
    checked = {"ocpp2.0.1": "DE-8AA-C12345678-D", "ocpp2.1": "FR-XYZ-123456789-2"}  # with their check digits
    email, name = _email(depot), checked[version]
    administration.add_card(email, name, type_="eMAID", **WHO)
    with pytest.raises(Refused, match="already"):
        administration.add_card(email, name.replace("-", ""), **WHO)
    async with _charger(depot, version) as charger, depot.charger() as old:
        for sent in (name, name.replace("-", ""), name.lower(), name[:-2], name[:-2].replace("-", "")):
            assert await _authorized(charger, version, sent, "eMAID") == {"status": "Accepted"}
            assert await _authorized(old, "ocpp1.6", sent) == {"status": "Accepted"}
        assert await _authorized(charger, version, name, "KeyCode") == {"status": "Invalid"}
        assert await _authorized(charger, version, f"{name[:-1]}X", "eMAID") == {"status": "Invalid"}
        assert await _started(charger, version, name[:-2], "eMAID") == {"status": "Accepted"}
        assert _last(charger).account.email == email


@pytest.mark.field(133)
async def test_token_is_no_other_types(depot: Depot) -> None:
    one, two = _email(depot), _email(depot)
    administration.add_card(one, "4711", type_="KeyCode", **WHO)
    async with depot.charger() as old, depot.charger_v2(subprotocols=("ocpp2.1",)) as new:
        for name, type_ in (("4711", ""), ("KeyCode:4711", "ISO14443"), ("4711", "Local"), ("4711", "KeyCode2")):
            assert await _authorized(new, "ocpp2.1", name, type_) == {"status": "Invalid"}
        for name in ("4711", "KeyCode:4711", " keycode :4711"):
            assert await _authorized(old, "ocpp1.6", name) == {"status": "Invalid"}
        administration.add_card(two, "KeyCode:4711", **WHO)  # a card that reads so
        assert await _authorized(old, "ocpp1.6", "KeyCode:4711") == {"status": "Accepted"}
        await _started(old, "ocpp1.6", "KeyCode:4711")
        await _started(new, "ocpp2.1", "4711", "KeyCode")
        assert (_last(old).account.email, _last(new).account.email) == (two, one)


@pytest.mark.field(133)
@VERSIONS
async def test_refused_card_added_as_it_came(depot: Depot, version: str) -> None:
    email, name, type_ = _email(depot), f" stranger\x02 {version}", "" if version == "ocpp1.6" else "MacAddress"
    async with _charger(depot, version) as charger:
        for _ in range(2):
            assert await _authorized(charger, version, name, type_) == {"status": "Invalid"}
        assert await _started(charger, version, name, type_) == {"status": "Invalid"}
        tapped = administration.tapped_cards()[0]
        said = f"STRANGER\N{REPLACEMENT CHARACTER} {version.upper()}" + (f" ({type_})" if type_ else "")
        assert (tapped.card, tapped.charger, tapped.times) == (said, charger.identity, 3)
        assert administration.add_tapped_card(email, tapped.number, **WHO)[1] == said
        assert await _authorized(charger, version, name, type_) == {"status": "Accepted"}
    assert tapped.number not in [one.number for one in administration.tapped_cards()]
    with pytest.raises(Refused, match="There is no unknown card"):
        administration.add_tapped_card(email, tapped.number, **WHO)


@pytest.mark.field(133)
async def test_known_cards_not_listed_as_unknown(depot: Depot) -> None:
    card = depot.card()
    administration.block_card(card.id_tag, **WHO)
    async with depot.charger() as charger:
        assert await charger.authorize(card.id_tag) == "Blocked"
        await charger.authorize("")
        await charger.start_transaction("")
        assert not UnknownCard.select().where(UnknownCard.charger == row(charger.identity)).exists()


@pytest.mark.field(133)
async def test_unknown_cards_bounded(depot: Depot) -> None:
    async with depot.charger() as charger:
        for number in range(unknown_cards.MAX_ROWS + 5):
            await charger.authorize(f"GUESS-{number}")
    tapped = administration.tapped_cards()
    assert len(tapped) == unknown_cards.MAX_ROWS
    assert tapped[0].card == f"GUESS-{unknown_cards.MAX_ROWS + 4}"


@pytest.mark.field(135)
@VERSIONS
async def test_expired_card_refused(depot: Depot, version: str) -> None:
    card = depot.card()
    administration.set_card_expiry(card.id_tag, now() - timedelta(seconds=1), **WHO)
    async with _charger(depot, version) as charger:
        assert (await _authorized(charger, version, card.id_tag))["status"] == "Expired"
        assert (await _started(charger, version, card.id_tag))["status"] == "Expired"
        assert (_last(charger).authorization, _last(charger).account_id) == ("Expired", card.account_id)
        administration.set_card_expiry(card.id_tag, None, **WHO)
        assert await _authorized(charger, version, card.id_tag) == {"status": "Accepted"}
        administration.set_card_expiry(card.id_tag, now() - timedelta(seconds=1), **WHO)
        administration.block_card(card.id_tag, **WHO)
        assert (await _authorized(charger, version, card.id_tag))["status"] == "Blocked"


@pytest.mark.field(135)
@VERSIONS
async def test_charger_told_when_card_expires(depot: Depot, version: str) -> None:
    email, name = _email(depot), f"UNTIL-{version}"
    administration.add_card(email, name, expires_at=TOMORROW, **WHO)
    async with _charger(depot, version) as charger:
        for said in (await _authorized(charger, version, name), await _started(charger, version, name)):
            key = "expiryDate" if version == "ocpp1.6" else "cacheExpiryDateTime"
            assert said["status"] == "Accepted"
            assert datetime.fromisoformat(said[key]) == TOMORROW


@pytest.mark.field(43, 135)
@VERSIONS
async def test_card_expires_in_mid_session(depot: Depot, version: str) -> None:
    card = depot.card()
    async with _charger(depot, version) as charger:
        await _started(charger, version, card.id_tag)
        administration.set_card_expiry(card.id_tag, now(), **WHO)
        number = _last(charger).number
        if version == "ocpp1.6":
            said = (await charger.call("StopTransaction", stop(number, idTag=card.id_tag)))["idTagInfo"]
        else:
            id_token = token(card.id_tag)
            transaction_id = _last(charger).transaction_id
            going_on = event(transaction_id, 1, "Updated", "MeterValuePeriodic", idToken=id_token)
            answer = await charger.call("TransactionEvent", going_on)
            assert answer["idTokenInfo"]["status"] == "Accepted"  # the session that runs goes on
            end = event(transaction_id, 2, "Ended", "StopAuthorized", idToken=id_token)
            said = (await charger.call("TransactionEvent", end))["idTokenInfo"]
        assert said["status"] == "Expired"
        assert (_last(charger).state, _last(charger).account_id) == ("completed", card.account_id)


@pytest.mark.field(114, 133)
@V2
async def test_no_card_is_asked_for(depot: Depot, version: str) -> None:
    """Authorize and the start agree, whatever the token is."""
    async with _charger(depot, version) as charger:
        for name in ("", "button"):
            assert (await _authorized(charger, version, name, "NoAuthorization"))["status"] == "Accepted"
            assert (await _started(charger, version, name, "NoAuthorization"))["status"] == "Accepted"
            assert _last(charger).id_tag == ""


@pytest.mark.field(133)
@VERSIONS
@pytest.mark.parametrize(("type_", "token_"), [("eMAID", "DE-8AA-C12345678-X"), ("ISO14443", "KeyCode:1234")])
async def test_card_with_type_started_from_here(depot: Depot, version: str, type_: str, token_: str) -> None:
    async with _charger(depot, version) as charger:
        await until(lambda: depot.listeners(charger.identity))
        depot.command(charger.identity, StartCharging(f"{type_}:{token_}"))
        await until(lambda: charger.commands and sessions(charger.identity))
        sent = charger.commands[-1][1]
        assert sent["idTag"] == token_ if version == "ocpp1.6" else sent["idToken"] == token(token_, type_)
        assert _last(charger).id_tag == normal_id_tag(f"{type_}:{token_}")

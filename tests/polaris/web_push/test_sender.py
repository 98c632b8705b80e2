"""A notice is pushed once, encrypted for its browser, and to no device that is not signed in any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from polaris import vapid
from polaris.administration import notices
from polaris.config import Config
from polaris.domain.mail import LEASE, MailState
from polaris.domain.notices import NEWS_FOR, Channel
from polaris.models import PushSubscription, SignIn, blocking, run_blocking
from polaris.pubsub import Publisher
from polaris.web_push import PushSender, outbox
from polaris.web_push.endpoints import NOT_PUBLIC, PushServices
from polaris.web_push.sender import OLD_NEWS
from tests.support import push_service
from tests.support.certificates import Authority
from tests.support.ingest_cast import NOW, Cast, at, connected_charger
from tests.support.notices import charged, choose, noted, pushes
from tests.support.push_service import Browser, PushService

pytestmark = pytest.mark.both_databases

LATER = at(3600)
SITE = "https://charging.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("push") / "authority"))


@pytest.fixture
def service(authority: Authority) -> Iterator[PushService]:
    with push_service.running(authority) as service:
        yield service


@pytest.fixture
def config(settings: dict[str, str]) -> Config:
    return Config.from_env(settings | {"SITE_URL": SITE})


@pytest.fixture
def cast(database: None, config: Config, publisher: Publisher) -> Cast:
    return connected_charger(config, publisher)


@pytest.fixture
def browser(service: PushService, cast: Cast, config: Config) -> Browser:
    """Ada's, on which she wants to be told."""
    choose(cast.ada, Channel.PUSH)
    return subscribed(service, cast.ada, config, "phone")


@pytest.fixture
def sender(service: PushService, config: Config, publisher: Publisher) -> PushSender:
    return PushSender(config, publisher, PushServices(lambda address: True, service.context))


@blocking
def sign_in(account_id: int, name: str) -> str:
    times = {"created_at": NOW, "last_seen_at": NOW, "confirmed_at": NOW}
    SignIn.create(id=name, account=account_id, user_agent="Firefox", **times)
    return name


def subscribed(service: PushService, account_id: int, config: Config, name: str) -> Browser:
    browser = service.browser(name)
    key = vapid.public_key(config.secret_key[-1])
    notices.subscribe(account_id, sign_in(account_id, name), browser.device, key, now=NOW)
    return browser


@blocking
def devices() -> int:
    count: int = PushSubscription.select().count()
    return count


def test_notice_reaches_its_device_once(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService, config: Config
) -> None:
    number = charged(cast)
    assert sender.send_due(LATER)
    assert not sender.send_due(LATER + timedelta(hours=1))
    (shown,) = service.shown(browser)
    assert shown["title"] == "Charging has ended at depot-7"
    assert "Energy: 12.34 kWh." in shown["body"]
    assert shown["path"] == f"/sessions/{number}"
    assert "ADA-1" not in str(shown)
    (claims,) = service.senders()
    assert (claims["aud"], claims["sub"]) == (service.origin, SITE)
    assert service.headers[0]["TTL"] == str(int(NEWS_FOR.total_seconds()))
    assert service.headers[0]["Content-Encoding"] == "aes128gcm"
    assert [row.state for row in pushes()] == [MailState.SENT]
    assert b"depot-7" not in service.bodies[0]


def test_all_devices_of_the_person_and_no_others(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService, config: Config
) -> None:
    other = subscribed(service, cast.ada, config, "laptop")
    subscribed(service, cast.ben, config, "bens")
    charged(cast)
    while sender.send_due(LATER):
        pass
    assert len(service.bodies) == 2
    assert {headers["Host"] for headers in service.headers}
    assert other.device.endpoint.endswith("laptop")


@pytest.mark.parametrize("status", [404, 410])
def test_device_that_is_gone_is_forgotten(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService, status: int
) -> None:
    service.status = status
    charged(cast)
    assert sender.send_due(LATER)
    assert devices() == 0
    assert pushes() == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_service_in_trouble_is_tried_again(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService, status: int
) -> None:
    service.status = status
    charged(cast)
    assert sender.send_due(LATER)
    assert [(row.state, row.answer) for row in pushes()] == [
        (MailState.WAITING, f"Its push service answered {status}.")
    ]
    service.status = 201
    run_blocking(type(pushes()[0]).update(due_at=LATER).execute)
    assert sender.send_due(LATER)
    assert [row.state for row in pushes()] == [MailState.SENT]


@pytest.mark.parametrize("status", [302, 400, 403, 413])
def test_refusal_is_final(cast: Cast, browser: Browser, sender: PushSender, service: PushService, status: int) -> None:
    service.status = status
    charged(cast)
    assert sender.send_due(LATER)
    assert [row.state for row in pushes()] == [MailState.FAILED]
    assert devices() == 1


def test_signed_out_device_is_told_nothing(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService
) -> None:
    charged(cast)
    run_blocking(SignIn.update(revoked_at=LATER).execute)
    assert sender.send_due(LATER)
    assert service.bodies == []
    assert devices() == 0
    charged(cast, minutes=90)
    assert pushes() == []


def test_device_whose_sign_in_is_over_is_told_nothing(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService
) -> None:
    run_blocking(SignIn.update(last_seen_at=NOW - timedelta(days=15)).execute)
    charged(cast)
    assert sender.send_due(LATER)
    assert service.bodies == []


def test_address_within_the_network_is_never_called(
    cast: Cast, browser: Browser, config: Config, publisher: Publisher, service: PushService
) -> None:
    charged(cast)
    assert PushSender(config, publisher, PushServices(context=service.context)).send_due(LATER)
    assert service.bodies == []
    assert [(row.state, row.answer) for row in pushes()] == [(MailState.FAILED, NOT_PUBLIC)]


def test_killed_sender_leaves_its_push_due(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService, config: Config
) -> None:
    charged(cast)
    assert outbox.claim(config, LATER)  # and it is killed
    assert not sender.send_due(LATER + LEASE - timedelta(seconds=1))
    assert sender.send_due(LATER + LEASE)
    assert len(service.bodies) == 1
    assert len(noted()) == 1


def test_push_that_could_not_be_sent_for_long_is_no_news(
    cast: Cast, browser: Browser, sender: PushSender, service: PushService
) -> None:
    charged(cast)
    assert sender.send_due(LATER + NEWS_FOR)
    assert service.bodies == []
    assert [(row.state, row.answer) for row in pushes()] == [(MailState.FAILED, OLD_NEWS)]


def test_secret_key_that_was_rotated_still_sends(
    cast: Cast, browser: Browser, settings: dict[str, str], service: PushService, publisher: Publisher
) -> None:
    charged(cast)
    services = PushServices(lambda address: True, service.context)
    rotated = settings | {"SITE_URL": SITE, "SECRET_KEY": f"1:{settings['SECRET_KEY']},2:{'n' * 32}"}
    assert PushSender(Config.from_env(rotated), publisher, services).send_due(LATER)
    assert len(service.shown(browser)) == 1


def test_secret_key_that_was_replaced_ends_the_subscription(
    cast: Cast, browser: Browser, settings: dict[str, str], service: PushService, publisher: Publisher
) -> None:
    charged(cast)
    services = PushServices(lambda address: True, service.context)
    replaced = Config.from_env(settings | {"SITE_URL": SITE, "SECRET_KEY": "n" * 32})
    assert PushSender(replaced, publisher, services).send_due(LATER)
    assert (service.bodies, devices()) == ([], 0)

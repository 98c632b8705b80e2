"""A mail server, and a sender that uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from polaris.config import Config
from polaris.mail import Sender
from polaris.pubsub import Publisher
from tests.support import mail_server
from tests.support.mail_server import MailServer


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server.running() as server:
        yield server


@pytest.fixture
def mail_settings(settings: dict[str, str], server: MailServer) -> dict[str, str]:
    mail_from = "Charging <charging@example.com>"
    return settings | {"SMTP_URL": server.url, "MAIL_FROM": mail_from, "SITE_URL": "https://charging.example"}


@pytest.fixture
def mail_config(mail_settings: dict[str, str]) -> Config:
    return Config.from_env(mail_settings)


@pytest.fixture
def sender(mail_config: Config, database: None, publisher: Publisher) -> Sender:
    return Sender(mail_config, publisher)

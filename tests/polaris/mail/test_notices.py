"""The mail of a notice: once, in the person's language, with the site's clock, and with a way out of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from polaris import unsubscribing
from polaris.config import Config
from polaris.domain.enums import RequestEvent
from polaris.domain.mail import LEASE, MailState
from polaris.domain.notices import NEWS_FOR
from polaris.ingest import CommandResult
from polaris.mail import Sender, outbox
from polaris.mail.letters import OLD_NEWS
from polaris.models import Account, Notice, Site, StopRequest, run_blocking
from polaris.pubsub import Publisher, RequestKind
from polaris.translations import Texts
from tests.support.ingest_cast import Cast, at, connected_charger
from tests.support.mail_server import MailServer
from tests.support.notices import charged, choose, mails, noted

pytestmark = pytest.mark.both_databases

LATER = at(3600)


@pytest.fixture
def cast(sender: Sender, mail_config: Config, publisher: Publisher) -> Cast:
    cast = connected_charger(mail_config, publisher)
    choose(cast.ada)
    return cast


def test_end_by_mail(cast: Cast, sender: Sender, server: MailServer, mail_config: Config) -> None:
    run_blocking(Site.update(time_zone="Europe/Berlin").execute)
    number = charged(cast)
    assert sender.send_due(LATER)
    assert not sender.send_due(LATER + timedelta(hours=1))
    (letter,) = server.letters
    text = letter.get_content()
    assert letter["To"] == "ada@example.com"
    assert letter["Subject"] == "Charging has ended at depot-7"
    assert "2:00\N{NARROW NO-BREAK SPACE}PM" in text  # 13:00 UTC, in winter
    assert "Energy: 12.34 kWh." in text
    assert "Estimated cost: €6.14." in text
    assert f"https://charging.example/sessions/{number}" in text
    link = letter["List-Unsubscribe"].strip("<>")
    assert link in text
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = link.removeprefix("https://charging.example/unsubscribe/")
    assert unsubscribing.account_of(mail_config.secret_key, token) == cast.ada
    assert "ADA-1" not in letter.as_string()
    assert [row.state for row in mails()] == [MailState.SENT]


def test_in_the_persons_language(cast: Cast, sender: Sender, server: MailServer) -> None:
    choose(cast.ada, language="de")
    charged(cast)
    assert sender.send_due(LATER)
    run_blocking(Account.update(language="fr").where(Account.id == cast.ada).execute)
    number = cast.start(seconds=4000).number
    cast.store(cast.ended(number, 4100, 2234), seconds=4100)
    assert sender.send_due(at(4100))
    for letter, language, figure in zip(server.letters, ("de", "fr"), ("12,34", "1,23"), strict=True):
        subject = Texts.of(language).gettext("Charging has ended at %(charger)s", charger="depot-7")
        assert letter["Subject"] == subject
        assert f"{figure} kWh" in letter.get_content()


def test_failed_stop_and_absence_by_mail(cast: Cast, sender: Sender, server: MailServer) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    cast.ingest.note_offline(at(3000))
    while sender.send_due(at(3000)):
        pass
    subjects = ["Charging was not stopped at depot-7", "depot-7 is offline while you charge"]
    assert [letter["Subject"] for letter in server.letters] == subjects
    assert all(f"/sessions/{number}" in letter.get_content() for letter in server.letters)


def test_energy_that_is_not_known(cast: Cast, sender: Sender, server: MailServer) -> None:
    number = cast.start().number
    cast.store(cast.ended(number, 3600, None), seconds=3600)
    assert sender.send_due(LATER)
    text = server.letters[0].get_content()
    assert "Its energy is not known yet." in text
    assert "Estimated cost" not in text


def test_killed_sender_leaves_it_due_and_tells_it_once(cast: Cast, sender: Sender, server: MailServer) -> None:
    charged(cast)
    assert outbox.claim(LATER)  # and it is killed
    assert not sender.send_due(LATER + LEASE - timedelta(seconds=1))
    assert sender.send_due(LATER + LEASE)
    assert len(server.letters) == 1
    assert len(noted()) == 1


def test_mail_that_could_not_be_sent_for_long_is_no_news(cast: Cast, sender: Sender, server: MailServer) -> None:
    charged(cast)
    assert sender.send_due(LATER + NEWS_FOR)
    assert server.letters == []
    assert [(row.state, row.answer) for row in mails()] == [(MailState.FAILED, OLD_NEWS)]


def test_person_who_is_gone_is_told_nothing(cast: Cast, sender: Sender, server: MailServer) -> None:
    charged(cast)
    run_blocking(Account.update(email="erased account 1", erased_at=LATER).where(Account.id == cast.ada).execute)
    assert sender.send_due(LATER)
    assert server.letters == []
    assert mails() == []


def test_notice_that_is_deleted_takes_its_mail_along(cast: Cast) -> None:
    charged(cast)
    run_blocking(Notice.delete().execute)
    assert mails() == []


def test_late_answer_still_tells_the_end(cast: Cast) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    row = run_blocking(StopRequest.get)
    cast.ingest.record(RequestKind.STOP, row.id, CommandResult(RequestEvent.ACCEPTED), at(2))
    cast.store(cast.ended(number, 60, 2000), seconds=60)
    assert {occasion for _, occasion in noted()} == {"not_stopped", "ended"}  # nobody took it at first

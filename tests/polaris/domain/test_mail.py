"""A mail is tried again, ever more rarely, and not for ever."""

from datetime import UTC, datetime, timedelta

from polaris.domain.mail import GIVE_UP_AFTER, MAX_PAUSE, is_over, pause

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_pauses_double_up_to_a_bound() -> None:
    seconds = [pause(attempts).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 7, 100_000)]
    assert seconds == [30, 60, 120, 240, 480, 900, 900, 900]


def test_an_hour_without_a_mail_server_is_survived() -> None:
    at, attempts = NOW, 0
    while at < NOW + timedelta(hours=1):
        attempts += 1
        at += pause(attempts)
    assert not is_over(NOW, at)
    assert at < NOW + timedelta(hours=1) + MAX_PAUSE


def test_given_up_after_a_day() -> None:
    assert not is_over(NOW, NOW + GIVE_UP_AFTER - timedelta(seconds=1))
    assert is_over(NOW, NOW + GIVE_UP_AFTER)

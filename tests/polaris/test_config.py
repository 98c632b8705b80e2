"""Every setting is read once; a bad one stops start-up with a sentence that names it."""

from dataclasses import FrozenInstanceError, fields

import pytest

from polaris.config import Config, ConfigError, MailServer

SECRETS = {"SECRET_KEY": "s" * 32, "CHARGER_KEY_SECRETS": f"1:{'k' * 32}"}


def test_only_secrets_lack_defaults():
    config = Config.from_env(SECRETS)
    assert config.database_url == "sqlite:///var/polaris.db"
    assert config.redis_url == "redis://127.0.0.1:6379/0"
    assert (config.host, config.port, config.ocpp_port, config.ocpp_health_port) == ("127.0.0.1", 8000, 9000, 9001)
    assert config.https is False
    assert config.is_sqlite


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_secret_named(name: str, value: str | None):
    env = {key: secret for key, secret in SECRETS.items() if key != name} | ({} if value is None else {name: value})
    with pytest.raises(ConfigError, match=f"^{name} is not set"):
        Config.from_env(env)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("CHARGER_KEY_SECRETS", "k" * 40),
        ("CHARGER_KEY_SECRETS", "1:short"),
        ("CHARGER_KEY_SECRETS", f"one:{'k' * 32}"),
        ("CHARGER_KEY_SECRETS", f"1:{'k' * 32},"),
        ("DATABASE_URL", "mysql://localhost/polaris"),
        ("DATABASE_URL", "polaris.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite://polaris.db"),
        ("DATABASE_URL", "postgresql://localhost"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://localhost"),
        ("SMTP_URL", "mail.example:587"),
        ("SMTP_URL", "http://mail.example"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://mail.example:0x1"),
        ("SMTP_URL", "smtp://mail.example/path"),
        ("SMTP_URL", "smtp://polaris@mail.example"),
        ("SMTP_URL", "smtp://polaris:s%C3%A9cret@mail.example"),
        ("SMTP_URL", "smtp+plain://polaris:secret@mail.example"),
        ("MAIL_FROM", "charging"),
        ("MAIL_FROM", "Charging <>"),
        ("MAIL_FROM", "a@example.com\r\nBcc: b@example.com"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("OCPP_PORT", "-1"),
        ("OCPP_HEALTH_PORT", "9001.5"),
        ("HTTPS", "maybe"),
        ("PROXY_HOPS", "one"),
        ("STOP_ANSWER_S", "0"),
        ("STOP_END_S", "-5"),
        ("STALE_AFTER_S", "nan"),
        ("HEARTBEAT_S", "inf"),
        ("REREAD_S", "a while"),
        ("LEASE_S", "86400"),
        ("OCPP_PING_S", "1s"),
        ("OCPP_HEARTBEAT_S", "5.5"),
        ("FRAMES_MB", "-1"),
        ("FRAMES_DAYS", "0"),
    ],
)
def test_bad_value_named(name: str, value: str):
    with pytest.raises(ConfigError, match=f"^{name} must .*\\.$"):
        Config.from_env(SECRETS | {name: value})


def test_refusal_hides_value():
    with pytest.raises(ConfigError) as refused:
        Config.from_env(SECRETS | {"DATABASE_URL": "mysql://ada:hunter2@localhost/polaris"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite:///polaris.db", "sqlite:////srv/polaris.db"])
def test_sqlite_relative_and_absolute(url: str):
    assert Config.from_env(SECRETS | {"DATABASE_URL": url}).is_sqlite


@pytest.mark.parametrize("url", ["postgresql://ada@db/polaris", "postgresql:///polaris?host=/run/postgresql"])
def test_postgresql_host_or_socket(url: str):
    assert not Config.from_env(SECRETS | {"DATABASE_URL": url}).is_sqlite


@pytest.mark.parametrize("url", ["redis://:pass@host:6379/1", "rediss://host", "unix:///run/valkey.sock"])
def test_redis_tcp_tls_or_socket(url: str):
    assert Config.from_env(SECRETS | {"REDIS_URL": url}).redis_url == url


def test_charger_key_secret_versions():
    config = Config.from_env(SECRETS | {"CHARGER_KEY_SECRETS": f"1:{'a' * 32}, 2:{'b' * 32}"})
    assert config.charger_key_secrets == {1: b"a" * 32, 2: b"b" * 32}


@pytest.mark.parametrize(("value", "is_on"), [("1", True), ("true", True), ("Yes", True), ("0", False), ("no", False)])
def test_switches(value: str, is_on: bool):
    assert Config.from_env(SECRETS | {"HTTPS": value}).https is is_on


def test_environment_is_the_default(monkeypatch: pytest.MonkeyPatch):
    for name, value in (SECRETS | {"PORT": "8123"}).items():
        monkeypatch.setenv(name, value)
    assert Config.from_env().port == 8123


def test_settings_are_frozen():
    config = Config.from_env(SECRETS)
    with pytest.raises(FrozenInstanceError):
        config.port = 1  # type: ignore[misc]


def test_every_setting_documented():
    assert all(field.metadata["meaning"].endswith(".") for field in fields(Config))


def test_mail_server() -> None:
    needed = {"SITE_URL": "https://charging.example", "MAIL_FROM": "Charging <charging@bücher.example>"}
    urls = {
        "smtp://polaris%40x:s%3Acret@mail.example": MailServer("smtp", "mail.example", 587, "polaris@x", "s:cret"),
        "smtps://mail.example:1465": MailServer("smtps", "mail.example", 1465, "", ""),
        "smtp+plain://127.0.0.1": MailServer("smtp+plain", "127.0.0.1", 25, "", ""),
    }
    for url, server in urls.items():
        config = Config.from_env(SECRETS | needed | {"SMTP_URL": url})
        assert config.smtp_url == server
        assert str(config.mail_from) == "Charging <charging@xn--bcher-kva.example>"
    assert Config.from_env(SECRETS).smtp_url is None


@pytest.mark.parametrize("name", ["SITE_URL", "MAIL_FROM"])
def test_mail_needs_more(name: str) -> None:
    env = {"SITE_URL": "https://charging.example", "MAIL_FROM": "a@example.com", "SMTP_URL": "smtp://mail.example"}
    with pytest.raises(ConfigError, match=f"^{name} is not set. Mail"):
        Config.from_env(SECRETS | {key: value for key, value in env.items() if key != name})

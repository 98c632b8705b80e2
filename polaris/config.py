"""Settings: one frozen `Config`, read from the environment once.

A bad value stops start-up with a sentence that names the variable. The rest of Polaris takes its settings from here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from email_validator import validate_email

Rule = tuple[Callable[[Any], bool], str]  # a check of the value, and the sentence for one that fails it

DAY_S = 86_400
MIN_SECRET_LENGTH = 32
MAX_SIGN_IN_DAYS = 400  # browsers keep no cookie for longer
SMTP_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}  # by scheme: STARTTLS, TLS from the start, neither
SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


class ConfigError(ValueError):
    """A setting that cannot be used; its text names the variable and what is wrong with it."""


class MailServer(NamedTuple):
    """A mail server. Its scheme, one of `SMTP_PORTS`, says how the connection is encrypted."""

    scheme: str
    host: str
    port: int
    user: str
    password: str


def _parser(convert: Callable[[str], Any], *rules: Rule, unreadable: str = "") -> Callable[[str], Any]:
    """Make a parser that converts a text and checks each rule, or raises ValueError with what the value must be."""

    def parse(text: str) -> Any:
        try:
            value = convert(text)
        except (ValueError, KeyError):
            raise ValueError(unreadable) from None
        for is_met, sentence in rules:
            if not is_met(value):
                raise ValueError(sentence)
        return value

    return parse


def _whole_number(is_met: Callable[[int], bool], sentence: str) -> Callable[[str], int]:
    return _parser(int, (is_met, sentence), unreadable="must be a whole number")


def _scheme(url: str) -> str:
    return urlsplit(url).scheme


def _names_a_file(url: str) -> bool:
    return _scheme(url) != "sqlite" or (not urlsplit(url).netloc and bool(urlsplit(url).path.strip("/")))


def _names_a_database(url: str) -> bool:
    return _scheme(url) != "postgresql" or bool(urlsplit(url).path.strip("/"))


def _signing_keys(text: str) -> tuple[str, ...]:
    """Return one key, or the secrets of `VERSION:SECRET,…` from the oldest to the newest."""
    if not re.match(r"\d+:", text):
        return (text,)
    secrets = _versioned_secrets(text)
    return tuple(secrets[version].decode() for version in sorted(secrets))


def _versioned_secrets(text: str) -> dict[int, bytes]:
    parts = [part.strip().partition(":") for part in text.split(",")]
    if any(not version.isdigit() or len(secret) < MIN_SECRET_LENGTH for version, _, secret in parts):
        raise ValueError
    return {int(version): secret.encode() for version, _, secret in parts}


_WITHIN_A_DAY: Rule = (lambda seconds: 0 < seconds < DAY_S, "must be more than 0 and less than a day of seconds")
_RENEWABLE: Rule = (lambda seconds: seconds >= 3, "must be 3 seconds or more, to be renewed in time")


def _site(url: str) -> str:
    """Return a site's base URL in its normal form, which is the origin that browsers send."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").encode("idna").decode()
    if (parts.scheme not in ("http", "https") or not host or parts.username is not None) or (
        parts.path.strip("/") or parts.query or parts.fragment
    ):
        raise ValueError
    host = f"[{host}]" if ":" in host else host
    default_port = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default_port) else "")


def _mail_server(url: str) -> MailServer | None:
    if not url.strip():
        return None
    parts = urlsplit(url.strip())
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    is_more = parts.path.strip("/") or parts.query or parts.fragment
    if not parts.hostname or is_more or bool(user) != bool(password) or not f"{user}{password}".isascii():
        raise ValueError
    return MailServer(parts.scheme, parts.hostname, parts.port or SMTP_PORTS[parts.scheme], user, password)


def _mail_address(text: str) -> Address | None:
    if not text.strip():
        return None
    name, address = parseaddr(text.strip())
    addr_spec = validate_email(address, check_deliverability=False).ascii_email
    if not text.isprintable() or not addr_spec:
        raise ValueError
    return Address(name, addr_spec=addr_spec)


_text = str.strip
_port = _whole_number(lambda port: 1 <= port <= 65535, "must be a port from 1 to 65535")
_count = _whole_number(lambda count: count >= 0, "must be 0 or more")
_some = _whole_number(lambda count: count >= 1, "must be 1 or more")
_days = _whole_number(lambda days: 1 <= days <= 3650, "must be from 1 to 3650 days")
_sign_in_hours = _whole_number(lambda hours: 1 <= hours <= MAX_SIGN_IN_DAYS * 24, "must be from 1 to 9600 hours")
_sign_in_days = _whole_number(lambda days: 1 <= days <= MAX_SIGN_IN_DAYS, "must be from 1 to 400 days")
_heartbeat = _whole_number(lambda seconds: 10 <= seconds <= DAY_S, "must be from 10 to 86400 seconds")
_seconds = _parser(float, _WITHIN_A_DAY, unreadable="must be a number of seconds")
_lease = _parser(float, _WITHIN_A_DAY, _RENEWABLE, unreadable="must be a number of seconds")
_switch = _parser(lambda text: SWITCH[text.strip().lower()], unreadable="must be 1 or 0")
_secret_key = _parser(
    _signing_keys,
    (lambda keys: min(map(len, keys)) >= MIN_SECRET_LENGTH, "must have 32 characters or more"),
    unreadable="must be a secret, or VERSION:SECRET[,VERSION:SECRET…], each secret of 32 characters or more",
)
_key_secrets = _parser(
    _versioned_secrets, unreadable="must be VERSION:SECRET[,VERSION:SECRET…], each secret of 32 characters or more"
)
_contact_url = _parser(
    _text,
    (lambda url: not url or _scheme(url) in ("mailto", "https", "tel"), "must begin with mailto:, https: or tel:"),
    (str.isprintable, "must be one line"),
)
_database_url = _parser(
    str,
    (lambda url: _scheme(url) in ("sqlite", "postgresql"), "must begin with sqlite:/// or postgresql://"),
    (_names_a_file, "must name a file: sqlite:///relative.db or sqlite:////absolute.db"),
    (_names_a_database, "must name a database: postgresql://user@host/name"),
)
_site_url = _parser(
    lambda url: _site(url) if url.strip() else "", unreadable="must be like https://charging.example, without a path"
)
_smtp_url = _parser(
    _mail_server,
    (
        lambda server: server is None or not (server.password and server.scheme == "smtp+plain"),
        "must begin with smtp:// or smtps://: a password is not sent without TLS",
    ),
    unreadable="must be like smtp://user:password@mail.example:587, or begin with smtps:// or smtp+plain://",
)
_mail_from = _parser(
    _mail_address, unreadable="must be an address like charging@example.com or Charging <charging@example.com>"
)
_redis_url = _parser(
    str, (lambda url: _scheme(url) in ("redis", "rediss", "unix"), "must begin with redis://, rediss:// or unix://")
)


def _setting(parse: Callable[[str], Any], default: str | None, meaning: str) -> Any:
    return field(metadata={"parse": parse, "default": default, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of the web, the bridge and the command line, each read from a variable of its name in capitals.

    A test compares the README's table with this class.
    """

    secret_key: tuple[str, ...] = _setting(
        _secret_key,
        None,
        "Signs cookies and form tokens. 32 characters or more; or `version:secret`, comma-separated: the highest "
        "version signs, and what the others have signed stays valid.",
    )
    charger_key_secrets: Mapping[int, bytes] = _setting(
        _key_secrets,
        None,
        "Secrets of the chargers' key hashes, `version:secret`, comma-separated; the highest version hashes new keys.",
    )
    database_url: str = _setting(
        _database_url, "sqlite:///var/polaris.db", "`sqlite:///file` or `postgresql://user@host/name`."
    )
    redis_url: str = _setting(
        _redis_url, "redis://127.0.0.1:6379/0", "Redis or Valkey: `redis://`, `rediss://` or `unix://`."
    )
    host: str = _setting(_text, "127.0.0.1", "The address that the web and the bridge listen on.")
    port: int = _setting(_port, "8000", "The web's port.")
    ocpp_port: int = _setting(_port, "9000", "The bridge's port for chargers.")
    ocpp_health_port: int = _setting(_port, "9001", "The bridge's port for /healthz and /readyz.")
    https: bool = _setting(_switch, "0", "1 where browsers come by HTTPS: Secure cookies, HSTS, redirects.")
    site_url: str = _setting(
        _site_url,
        "",
        "The address that people open, such as `https://charging.example`. Empty: any, and no redirect to HTTPS.",
    )
    proxy_hops: int = _setting(_count, "0", "How many trusted proxies set X-Forwarded-* before the web.")
    operator_mfa: bool = _setting(
        _switch, "0", "1 if operators must sign in with a second factor; who has none is led to set one up."
    )
    operator_contact: str = _setting(
        _text, "", "How drivers reach the operator: a name, phone or address, shown where they need it."
    )
    security_contact: str = _setting(
        _contact_url, "", "Whom to tell about a vulnerability, in /.well-known/security.txt: `mailto:` or `https:`."
    )
    smtp_url: MailServer | None = _setting(
        _smtp_url,
        "",
        "The mail server: `smtp://user:password@host:587` with STARTTLS, `smtps://…:465` with TLS, "
        "`smtp+plain://host:25` with neither. Empty: no mail.",
    )
    mail_from: Address | None = _setting(
        _mail_from, "", "Whom mail is from: `charging@example.com` or `Charging <charging@example.com>`."
    )
    operator_sign_in_h: int = _setting(_sign_in_hours, "12", "After so many hours operators have to sign in again.")
    operator_idle_h: int = _setting(
        _sign_in_hours,
        "1",
        "So do those who have asked for no page for so many hours. A live page that only stays open asks none.",
    )
    driver_sign_in_days: int = _setting(_sign_in_days, "30", "After so many days drivers have to sign in again.")
    driver_idle_days: int = _setting(_sign_in_days, "14", "So do those who have asked for no page for so many days.")
    stop_answer_s: float = _setting(_seconds, "20", "How long a charger may take to answer a stop command.")
    stop_end_s: float = _setting(
        _seconds, "60", "How long a charger may take from accepting a stop to ending the session."
    )
    command_answer_s: float = _setting(_seconds, "15", "How long a charger may take to answer any other command.")
    start_begin_s: float = _setting(
        _seconds,
        "180",
        "How long a charger may take from accepting a start to a session: the car may still have to be plugged in.",
    )
    stale_after_s: float = _setting(
        _seconds, "150", "Without a reading for so long, the page says when the last one came."
    )
    heartbeat_s: float = _setting(_seconds, "10", "How often a page's stream shows that it is alive.")
    streams_per_account: int = _setting(
        _some, "20", "How many live streams an account may have in one process; the oldest gives way to a new one."
    )
    streams_per_address: int = _setting(
        _some, "1000", "The same of a network address, or an IPv6 /64. Many drivers may share one."
    )
    reread_s: float = _setting(_seconds, "15", "How often open pages are read anew, in case a hint was lost.")
    lease_s: float = _setting(_lease, "30", "After so long without a sign of its bridge, a charger is offline.")
    ocpp_ping_s: float = _setting(_seconds, "20", "Past this silence a charger is pinged.")
    ocpp_heartbeat_s: int = _setting(_heartbeat, "300", "The Heartbeat interval that chargers are told.")

    frames_dir: str = _setting(
        _text, "var/frames", "Where the bridge logs chargers' frames, and `frames export` reads them."
    )
    frames_mb: int = _setting(
        _count, "512", "How large the log of frames may become; 0 for none. The oldest goes first."
    )
    frames_days: int = _setting(_days, "7", "How old the log of frames may become.")

    readings_days: int = _setting(
        _days,
        "396",
        "After so many days an ended session is final: its readings are thinned, its events and requests deleted.",
    )
    notices_days: int = _setting(_days, "396", "How long notices and settings of chargers, and commands, are kept.")
    records_days: int = _setting(
        _days, "90", "How long what could not be used is kept: unprocessable facts, unmatched ends, unknown cards."
    )
    sign_ins_days: int = _setting(_days, "90", "How long sign-ins are kept after they were last seen.")

    ocpp_tls_port: int = _setting(_port, "9443", "The bridge's port for chargers that speak TLS.")
    ocpp_tls_cert: str = _setting(
        _text, "", "A PEM file with the bridge's certificate and its chain. Empty: no TLS of its own."
    )
    ocpp_tls_key: str = _setting(_text, "", "A PEM file with its key, if it is not in the same file.")
    ocpp_tls_client_ca: str = _setting(
        _text, "", "A PEM file with the authorities of chargers' certificates (profile 3)."
    )
    ocpp_tls_client_crl: str = _setting(
        _text, "", "A PEM file with what those authorities have revoked. It has to be renewed before it expires."
    )
    ocpp_proxy_hops: int = _setting(
        _count, "0", "How many trusted proxies set X-Forwarded-For and -Proto before the bridge."
    )
    ocpp_client_cn_header: str = _setting(
        _text,
        "",
        "The header in which the proxy, overwriting it, puts the common name of a client certificate that it verified.",
    )

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")

    @property
    def directories(self) -> tuple[str, ...]:
        """The directories that grow: of the database, if it is a file, and of the OCPP log."""
        database = (os.path.dirname(self.database_url.removeprefix("sqlite:///")) or ".",) if self.is_sqlite else ()
        return (*database, *((self.frames_dir,) if self.frames_mb else ()))

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Config:
        """Read every setting; raise `ConfigError` naming the first one that is missing or wrong."""
        source = os.environ if env is None else env
        config = cls(**{item.name: _read(item, source) for item in fields(cls)})
        if config.https and config.site_url.startswith("http:"):
            raise ConfigError("SITE_URL must begin with https:// if HTTPS is 1.")
        for name in ("MAIL_FROM", "SITE_URL"):
            if config.smtp_url is not None and not getattr(config, name.lower()):
                raise ConfigError(f"{name} is not set. Mail (SMTP_URL) needs it.")
        return config


def _read(item: Field[Any], env: Mapping[str, str]) -> Any:
    name = item.name.upper()
    value = env.get(name) or item.metadata["default"]
    if value is None:
        raise ConfigError(f"{name} is not set. {item.metadata['meaning']}")
    try:
        return item.metadata["parse"](value)
    except ValueError as error:
        raise ConfigError(f"{name} {error}.") from None

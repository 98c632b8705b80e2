"""TLS of the bridge's own port: its certificate, the authority for chargers' certificates, and those it has revoked.

The files are read again when they change, and on SIGHUP. A handshake uses what was read last; open connections stay.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from ocpp_bridge.clock import now
from polaris.config import Config, ConfigError

WATCH_INTERVAL_S = 5.0  # a certificate that is renewed by a file must not need a restart

MIN_VALIDITY = timedelta(hours=24)  # of a revocation list: once it is outdated, no charger's certificate is accepted

log = logging.getLogger(__name__)


class Certificates:
    """The files of the settings, and the context made of them. Raise `ConfigError` if they cannot be used at first."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._version = self._read_version()
        self.context = _context(config)
        self._valid_until = _valid_until(config.ocpp_tls_client_crl)

    async def run(self) -> None:
        """Read the files again when they change, for ever."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            try:
                if self._read_version() != self._version:
                    self.reload()
                self._warn_in_time()
            except Exception:
                log.exception("The certificates could not be watched")

    def reload(self) -> None:
        """Read the files again; if they cannot be used, log it and stay with what was read before."""
        if self.context is None:
            return
        self._version = self._read_version()
        try:
            self.context = _context(self._config)
            self._valid_until = _valid_until(self._config.ocpp_tls_client_crl)
        except ConfigError as error:
            log.error("The certificates were not read again, those of before stay in use: %s", error)
        else:
            log.info("The certificates were read again")

    def _warn_in_time(self) -> None:
        """Warn once of a revocation list that is outdated, or soon will be."""
        if self._valid_until is not None and self._valid_until - now() < MIN_VALIDITY:
            log.warning(
                "OCPP_TLS_CLIENT_CRL is valid until %s: no charger's certificate is accepted after that",
                self._valid_until.isoformat(),
            )
            self._valid_until = None

    def _read_version(self) -> list[tuple[int, ...]]:
        """Return what changes with the files; nothing of one that is just not there."""
        config = self._config
        names = (
            config.ocpp_tls_cert,
            config.ocpp_tls_key,
            config.ocpp_tls_client_ca,
            config.ocpp_tls_client_crl,
        )
        return [_file_version(Path(name)) for name in names if name]


def _file_version(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _context(config: Config) -> ssl.SSLContext | None:
    """Return a context by the settings, or None if they name no certificate. Raise `ConfigError`."""
    if config.ocpp_client_cn_header and not config.ocpp_proxy_hops:
        raise ConfigError("OCPP_CLIENT_CN_HEADER needs OCPP_PROXY_HOPS: without a proxy, anybody can write a header.")
    if config.ocpp_tls_client_ca and not config.ocpp_tls_cert:
        raise ConfigError("OCPP_TLS_CLIENT_CA needs OCPP_TLS_CERT.")
    if config.ocpp_tls_client_crl and not config.ocpp_tls_client_ca:
        raise ConfigError("OCPP_TLS_CLIENT_CRL needs OCPP_TLS_CLIENT_CA.")
    if not config.ocpp_tls_cert:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_certificate(tls, config)
    if config.ocpp_tls_client_ca:
        # Ask for client certificates without requiring them: admission decides which chargers need one.
        tls.verify_mode = ssl.CERT_OPTIONAL
        _load_verified(tls, "OCPP_TLS_CLIENT_CA", config.ocpp_tls_client_ca)
    if config.ocpp_tls_client_crl:
        tls.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        _load_verified(tls, "OCPP_TLS_CLIENT_CRL", config.ocpp_tls_client_crl)
        if not tls.cert_store_stats()["crl"]:
            raise ConfigError("OCPP_TLS_CLIENT_CRL cannot be used: it holds no revocation list.")
    return tls


def _valid_until(crl: str) -> datetime | None:
    """Return when the first of a file's revocation lists is outdated; None if none says so, or can be read here."""
    lists = (
        re.findall(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", Path(crl).read_bytes(), re.S) if crl else []
    )
    ends: list[datetime | None] = []
    for text in lists:
        with suppress(ValueError):  # OpenSSL has accepted it
            ends.append(x509.load_pem_x509_crl(text).next_update_utc)
    return min((end for end in ends if end is not None), default=None)


def _load_certificate(tls: ssl.SSLContext, config: Config) -> None:
    try:
        tls.load_cert_chain(config.ocpp_tls_cert, config.ocpp_tls_key or None, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(f"OCPP_TLS_CERT or OCPP_TLS_KEY cannot be used: {error}.") from None


def _load_verified(tls: ssl.SSLContext, name: str, file: str) -> None:
    try:
        tls.load_verify_locations(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} cannot be used: {error}.") from None

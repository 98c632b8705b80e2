"""TLS of the bridge's own port: its certificate, and the authority for chargers' certificates."""

from __future__ import annotations

import ssl

from polaris.config import Config, ConfigError


def context(config: Config) -> ssl.SSLContext | None:
    """Return a context by the settings, or None if they name no certificate. Raise `ConfigError`."""
    if config.ocpp_client_cn_header and not config.ocpp_proxy_hops:
        raise ConfigError("OCPP_CLIENT_CN_HEADER needs OCPP_PROXY_HOPS: without a proxy, anybody can write a header.")
    if not config.ocpp_tls_cert:
        if config.ocpp_tls_client_ca:
            raise ConfigError("OCPP_TLS_CLIENT_CA needs OCPP_TLS_CERT.")
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_certificate(tls, config)
    if config.ocpp_tls_client_ca:
        _load_authority(tls, config)
    return tls


def _load_certificate(tls: ssl.SSLContext, config: Config) -> None:
    try:
        tls.load_cert_chain(config.ocpp_tls_cert, config.ocpp_tls_key or None, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(f"OCPP_TLS_CERT or OCPP_TLS_KEY cannot be used: {error}.") from None


def _load_authority(tls: ssl.SSLContext, config: Config) -> None:
    """Ask for client certificates without requiring them: admission decides which chargers need one."""
    try:
        tls.load_verify_locations(config.ocpp_tls_client_ca)
    except (OSError, ValueError) as error:
        raise ConfigError(f"OCPP_TLS_CLIENT_CA cannot be used: {error}.") from None
    tls.verify_mode = ssl.CERT_OPTIONAL

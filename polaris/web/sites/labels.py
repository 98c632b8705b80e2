"""Labels for connectors: each a QR code of the address at which a driver starts a session there."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import segno
from markupsafe import Markup
from msgspec import Struct

from polaris.lists.sites import ChargerRow

ERROR_CORRECTION = "m"  # 15 % of a code may be scratched


class Label(Struct, frozen=True):
    """A connector's label."""

    charger: str
    connector: int
    url: str
    qr_code: Markup


def start_url(site_url: str, identity: str, connector: int) -> str:
    """Return the address at which a driver starts a session at a connector."""
    return f"{site_url}/start/{quote(identity, safe='')}/{connector}"


def labels(site_url: str, charger: ChargerRow) -> Iterator[Label]:
    """Draw the labels of a charger's connectors."""
    for connector in charger.connectors:
        url = start_url(site_url, charger.identity, connector.number)
        yield Label(charger.name, connector.number, url, _drawn(url))


def _drawn(url: str) -> Markup:
    code = segno.make(url, error=ERROR_CORRECTION, micro=False)
    return Markup(code.svg_inline(omitsize=True, svgclass="qr-code", lineclass=None))  # noqa: S704 - drawn here

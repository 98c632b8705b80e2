"""Each text of each page is one of the catalogs': a page in a language whose words are all marked shows no other.

Exempt is what is data, and what is stored: names, addresses, figures, OCPP's own words, the details of the audit log,
and the evidence in the report of a commissioning that is over.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import write_po
from flask import Flask
from flask.testing import FlaskClient

from polaris.rendering import translations
from polaris.translations import catalog
from scripts.translations import ROOT, extracted
from tests.support import apps, forms
from tests.support.cast import Person
from tests.system.furnished import furnish
from tests.system.world import World

BEGIN, END = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}", "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
MARKED = re.compile(f"{BEGIN}[^{BEGIN}{END}]*{END}")
WORD = re.compile(r"[A-Za-z]{3,}")
TIME = re.compile(r"<time.*?</time>")  # stands in the middle of sentences
SAID = ("aria-label", "title", "alt", "placeholder", "data-text", "data-displaced")
SILENT = ("script", "style", "code", "time", "pre", "textarea", "datalist")
EMPTY = ("input", "meta", "link", "br", "path", "circle", "rect", "line", "img", "hr")
MARKS = {"N_", "say", "say_count", "gettext", "ngettext", "pgettext", "lazy_gettext"}
DATA = re.compile(
    r"""
    Polaris\ Express | Polaris\ Virtual | Polaris | Express | English|Deutsch|Français|Nederlands|Español
    | \S+@\S+ | [Dd]epot[ -]\d | \b(?:Main|Hall|Office|Faults|Good)\b | (?:ADA|BEN)-\d | (.)\1{15,}  # of this world
    | \b(?:Jan|Feb|Mär|Mrz|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)\w*\b | nowhere  # months, which Babel writes
    | tests | command\ line | Werkzeug\S+ | Europe/Berlin | residual\ current
    | \b(?:kWh|EUR|UTC)\b | (?:\b[A-Z2-7]{4}\b\ ?){8}  # units, and the secret of an authenticator app
    | OCPP\ [\d.]+ | \b(?:[A-Z][a-z]+){2,}\b | Suspended(?:EV|EVSE) | EVConnected | AllowOfflineTxForUnknownId
    | \b(?:Available|Preparing|Charging|Finishing|Reserved|Unavailable|Faulted|Occupied|Idle|Accepted|Invalid|Local)\b
    | \b(?:StopTransactionOnEVSideDisconnect|false|eMAID|EVCCID|ISO\d+|VIN|Central)\b
    """,
    re.VERBOSE,
)
STORED = ("/audit", "/fleet/depot-7/commission/1")  # pages with texts that are kept as they were told
REFUSED = (  # forms that are sent as they must not be, by their fields
    ("/actions/account/add", {"email": "nobody", "password": "short", "role": "driver"}),
    ("/actions/card/add", {"email": "nobody@example.com", "id_tag": "CARD-9"}),
    ("/actions/charger/power", {"identity": "depot-7", "kw": "1e9"}),
    ("/actions/charger/import", {"site": "Main", "file": "wrong"}),
    ("/actions/site/set", {"name": "Nowhere", "time_zone": "Nowhere/Nowhere", "seen": "{}"}),
    ("/actions/session/set-energy", {"number": "1", "kwh": "-1", "reason": "a reason"}),
    ("/fleet/depot-7/commands/reserve", {"reservation": "x", "id_tag": "A", "until_at": "2020-01-01T00:00:00Z"}),
    ("/fleet/depot-7/commands/set-charging-profile", {"profile": "{"}),
    ("/bulk/new/update-firmware", {"address": "no address"}),
    ("/cards/import", {"text": "email,id_tag\nnobody@example.com,\n"}),
)


class Texts(HTMLParser):
    """Collects what a page says: its texts, and attributes that are read aloud or shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._open: list[str] = []
        self.feed(TIME.sub("", html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [value or "" for name, value in attrs if name in SAID]
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not set(self._open) & set(SILENT) and data.strip():
            self.said.append(" ".join(data.split()))


@pytest.fixture
def marked_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A language whose words are the English ones in brackets."""
    texts = extracted()
    for text in texts:
        is_one = isinstance(text.id, str)
        text.string = f"{BEGIN}{text.id}{END}" if is_one else tuple(f"{BEGIN}{part}{END}" for part in text.id)
    with (tmp_path / "de.po").open("wb") as file:
        write_po(file, texts, omit_header=True)
    monkeypatch.setattr("polaris.translations.DIRECTORY", tmp_path)
    catalog.cache_clear()
    translations._translated.cache_clear()
    yield "de"
    catalog.cache_clear()
    translations._translated.cache_clear()


def unmarked(html: str) -> Iterator[str]:
    """Yield the texts of a page that have words of no catalog."""
    for text in Texts(html).said:
        rest = text
        while rest != (rest := MARKED.sub("", rest)):
            pass
        if WORD.search(DATA.sub("", rest)):
            yield text


def client_of(app: Flask, language: str, person: Person | None) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    if person:
        forms.sign_in(client, person)
    return client


def test_every_text_is_translated(own_world: World, marked_language: str) -> None:
    places, cast = furnish(own_world), own_world.cast
    found: dict[str, str] = {}
    with apps.running(own_world.config) as app:
        for person, paths in (
            (None, places.of_nobody()),
            (cast.ada, places.of_driver()),
            (cast.olga, (*places.of_operator(), *places.of_lists(), *places.of_chargers(), *places.of_forms())),
        ):
            client = client_of(app, marked_language, person)
            for path in (path for path in paths if path not in STORED):
                for text in unmarked(client.get(path).text):
                    found.setdefault(text, path)
        for path, fields in REFUSED:
            answer = forms.post(client, path, page=path, **fields)
            assert answer.status_code in (200, 422), path  # a preview is no refusal
            for text in unmarked(answer.text):
                found.setdefault(text, path)
    assert found == {}


def test_every_marked_text_is_extracted() -> None:
    """Babel overlooks a text that is marked within another mark, or within a formatted string."""
    known = {text.id if isinstance(text.id, str) else text.id[0] for text in extracted() if text.id}
    for path in (ROOT / "polaris").glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and node.args:
                text = node.args[node.func.id == "pgettext"]
                assert not isinstance(text, ast.JoinedStr), (path, node.lineno)
                assert not isinstance(text, ast.Constant) or text.value in known, (path, node.lineno)

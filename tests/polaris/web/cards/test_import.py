"""The page that imports cards: a preview, then exactly that by one press, for operators alone."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration
from polaris.models import EvCard, blocking
from polaris.services import NAME
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.command_line import run_command

PATH = "/cards/import"
CHARGERS_PATH = "/actions/charger/import"


@blocking
def cards() -> int:
    return int(EvCard.select().count())


def send(client: FlaskClient, text: str, **fields: object) -> TestResponse:
    data = {"csrf_token": forms.token(client, PATH), "text": text, **fields}
    return client.post(PATH, data=data, content_type="multipart/form-data", buffered=True)


def mark_of(answer: TestResponse) -> str:
    found = re.search(r'name="mark"\s+value="([0-9a-f]{64})"', answer.text)
    assert found, answer.text
    return found[1]


def test_preview_then_import(olga: FlaskClient, cast: Cast) -> None:
    text = f"email,id_tag\r\n{cast.ada.email},04A1\r\n{cast.ada.email},ADA-1\r\n"
    shown = send(olga, text)
    assert "Nothing is imported yet. It would be: 1 added, 0 changed, 1 unchanged." in shown.text
    assert cards() == 2
    answer = send(olga, text, mark=mark_of(shown))
    assert answer.location == "/cards"
    assert "Cards: 1 added, 0 changed, 1 unchanged." in olga.get("/cards").text
    assert cards() == 3
    again = send(olga, text, mark=mark_of(shown))
    assert again.location == "/cards"
    assert cards() == 3


def test_file_is_taken(olga: FlaskClient, cast: Cast) -> None:
    file = (io.BytesIO(f"\ufeffemail,id_tag\n{cast.ada.email},04A1\n".encode()), "cards.csv")
    assert "04A1" in send(olga, "", file=file).text
    file = (io.BytesIO(b"email,id_tag\n\xff,1\n"), "cards.csv")
    answer = send(olga, "", file=file)
    assert answer.status_code == 422
    assert "The file is not UTF-8." in answer.text


def test_refused_lines_are_named_and_import_is_not_offered(olga: FlaskClient, cast: Cast) -> None:
    answer = send(olga, f"email,id_tag\n{cast.ada.email},BEN-1\n{cast.ada.email},04A1\nnobody,1\n")
    assert "2 lines are refused, so nothing is imported." in answer.text
    assert "The card belongs to ben@example.com. It is not moved." in answer.text
    assert "Line 4" in answer.text
    assert 'name="mark"' not in answer.text
    assert send(olga, f"email,id_tag\n{cast.ada.email},BEN-1\n", mark="x").status_code == 409
    assert cards() == 2


def test_what_changed_meanwhile_is_shown_again(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    text = f"email,id_tag\n{cast.ada.email},04A1\n{cast.ada.email},04A2\n"
    mark = mark_of(send(olga, text))
    administration.add_card(cast.ada.email, "04A1", actor=ACTOR, now=now())
    answer = send(olga, text, mark=mark)
    assert answer.status_code == 409
    assert "It is not what you were shown any more, so nothing was imported." in answer.text
    assert "It would be: 1 added, 0 changed, 1 unchanged." in answer.text
    assert cards() == 3
    send(olga, text, mark=mark_of(answer))
    assert cards() == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The first line must be email,id_tag,type,expires"),
        ("email,id_tag", "The file has no cards."),
    ],
)
def test_no_file_of_cards(olga: FlaskClient, text: str, words: str) -> None:
    answer = send(olga, text)
    assert answer.status_code == 422
    assert words in answer.text


@pytest.mark.parametrize(("length", "status"), [(60_000, 422), (70_000, 413)])
def test_longer_file_is_refused_at_its_field(
    app: Flask, olga: FlaskClient, cast: Cast, tmp_path: Path, length: int, status: int
) -> None:
    """Also one that is longer than any form may be, of which nothing is read; the command line says the same."""
    text = "email,id_tag\n" + "x" * length
    sentence = "The file has more than 60,000 characters. Split it, and import one part at a time."
    chosen = (io.BytesIO(text.encode()), "cards.csv")
    on_page = send(olga, text), send(olga, "", file=chosen), forms.fill_in(olga, CHARGERS_PATH, file=text)
    for answer in on_page:
        assert answer.status_code == status
        assert re.search(rf'<p class="field__error"[^>]*>{sentence}</p>', answer.text)
    file = tmp_path / "long.csv"
    file.write_text(text)
    for group in ("card", "charger"):
        assert sentence in run_command(app.extensions[NAME].config, group, "import", str(file)).output
    olga.delete_cookie("polaris")
    forms.sign_in(olga, cast.ada)
    refused = olga.post(PATH, data={"csrf_token": forms.token(olga, "/account"), "text": text})
    assert (refused.status_code, sentence in refused.text) == (404 if status == 422 else 413, False)


def test_second_of_two_operators_reads_which_line_is_refused(olga: FlaskClient, cast: Cast) -> None:
    text = f"email,id_tag\n{cast.ada.email},04A1\n{cast.ada.email},W3\n"
    mark = mark_of(send(olga, text))
    administration.add_card(cast.ben.email, "W3", actor=ACTOR, now=now())
    answer = send(olga, text, mark=mark)
    assert answer.status_code == 409
    assert "It is not what you were shown any more, so nothing was imported." in answer.text
    assert "1 line is refused" in answer.text
    assert re.search(r"Line 3<.*The card belongs to ben@example.com. It is not moved.", answer.text, re.DOTALL)
    assert cards() == 3


def test_greatest_file_fits_the_form(olga: FlaskClient, cast: Cast) -> None:
    rows = [f"{cast.ada.email},CARD-{number:07}" for number in range(2000)]
    text = "\r\n".join(["email,id_tag", *rows])[:59_980].rpartition("\r\n")[0]
    answer = send(olga, text)
    assert answer.status_code == 200
    assert "And 1," in answer.text  # more lines than the page lists
    assert send(olga, text, mark=mark_of(answer)).location == "/cards"
    assert cards() == 2 + text.count("\n")


def test_hostile_cells_are_text(olga: FlaskClient) -> None:
    answer = send(olga, 'email,id_tag\n<script>alert(1),"</textarea><img src=x>"\n=cmd|x,=1+1\n')
    assert not re.search(r"<script>alert|<img|</textarea><", answer.text)
    assert "There is no account =cmd|x." in answer.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_driver_gets_404(client: FlaskClient, cast: Cast, method: str) -> None:
    forms.sign_in(client, cast.ada)
    data = {"csrf_token": forms.token(client, "/account"), "text": f"email,id_tag\n{cast.ada.email},X\n", "mark": ""}
    assert getattr(client, method)(PATH, data=data if method == "post" else None).status_code == 404
    assert cards() == 2


def test_visitor_is_asked_to_sign_in(client: FlaskClient, cast: Cast) -> None:
    assert client.get(PATH).status_code == 302
    answer = client.post(PATH, data={"csrf_token": forms.token(client, "/sign-in"), "text": "x"})
    assert answer.status_code == 302


def test_command_line(app: Flask, cast: Cast, tmp_path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(f"email,id_tag,expires\n{cast.ada.email},04A1,2027-01-01\n{cast.ada.email},ADA-1,\n")
    config = app.extensions[NAME].config
    dry = run_command(config, "card", "import", str(file), "--dry-run")
    assert "Line 2  04A1  ada@example.com  added: until 2027-01-01 00:00 UTC\n" in dry.output
    assert "Cards: 1 added, 0 changed, 1 unchanged. Nothing was written (--dry-run)." in dry.output
    assert cards() == 2
    assert "Cards: 1 added" in run_command(config, "card", "import", str(file)).output
    assert cards() == 3
    assert "Nothing to import" in run_command(config, "card", "import", str(file)).output
    file.write_text("email,id_tag\nnobody@example.com,1\n")
    refused = run_command(config, "card", "import", str(file))
    assert refused.exit_code
    assert "There is no account nobody@example.com." in refused.output
    assert "1 line is refused, so no card is imported." in refused.output

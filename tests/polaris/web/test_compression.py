"""Pages are compressed for this site and for the person, not for other sites; streams and files never are."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli
import pytest
from flask.testing import FlaskClient
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.test import TestResponse

from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging

BROWSER = "gzip, deflate, br, zstd"


def ask(client: FlaskClient, path: str, *, site: str = "same-origin", accepted: str = BROWSER) -> TestResponse:
    headers = {"Accept-Encoding": accepted} | ({"Sec-Fetch-Site": site} if site else {})
    return client.get(path, headers=headers)


@pytest.mark.parametrize("site", ["same-origin", "none"])
@pytest.mark.parametrize(
    ("accepted", "coding", "unpack"), [(BROWSER, "br", brotli.decompress), ("gzip", "gzip", gzip.decompress)]
)
def test_page_is_compressed(
    client: FlaskClient, cast: Cast, site: str, accepted: str, coding: str, unpack: Callable[[bytes], bytes]
) -> None:
    forms.sign_in(client, cast.ada)
    plain = client.get("/account")

    answer = ask(client, "/account", site=site, accepted=accepted)

    assert answer.headers["Content-Encoding"] == coding
    assert int(answer.headers["Content-Length"]) == len(answer.data) < len(plain.data) / 2
    assert forms.without_token(unpack(answer.data).decode()) == forms.without_token(plain.text)
    assert {"Accept-Encoding", "Sec-Fetch-Site"} <= set(answer.headers["Vary"].split(", "))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "none, cross-site"])
def test_page_that_another_site_asked_for_is_not(client: FlaskClient, cast: Cast, site: str) -> None:
    """The other site could have it asked for again and again, with a guess in its address, and watch the length."""
    forms.sign_in(client, cast.ada)

    assert "Content-Encoding" not in ask(client, "/account", site=site).headers


def test_other_answers_pass_as_they_are(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    forms.sign_in(client, cast.olga)
    for path in ("/sessions.csv", "/healthz", "/live/sessions"):
        with ask(client, path) as answer:
            assert answer.status_code == 200, path
            assert "Content-Encoding" not in answer.headers, path
    same = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": BROWSER}
    refused = client.post("/sign-out", data={"csrf_token": "forged"}, headers=same)
    assert refused.status_code == 400
    assert "Content-Encoding" not in refused.headers, "the answer to a form may hold a secret that is shown once"


def test_form_token_found_out_in_part_is_of_no_use(client: FlaskClient, cast: Cast) -> None:
    """The part that stays the same over pages, and could so be guessed by their lengths, is not accepted by itself."""
    forms.sign_in(client, cast.ada)
    constant = forms.token(client, "/account").rpartition(".")[0].rpartition(".")[0]
    forged = URLSafeTimedSerializer("guess", salt="wtf-csrf-token").dumps("guess").partition(".")[2]

    for token in (constant, f"{constant}.{forged}"):
        assert client.post("/sign-out", data={"csrf_token": token}).status_code == 400
    with pytest.raises(BadSignature):
        URLSafeTimedSerializer("another", salt="wtf-csrf-token").loads(forms.token(client, "/account"))

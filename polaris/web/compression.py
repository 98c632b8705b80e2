"""The codings that browsers take, and the pages that are sent in one.

An answer that holds a secret beside text that a stranger chose gives the secret away by its length (BREACH), if the
stranger can also have it asked for. So a page is compressed only if the browser says that this site or the person asked
for it. Streams and files that are sent while they are read pass as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
from flask import Flask, Response, request

MIN_BYTES = 1024  # less fits into the first packet anyway
OUR_OWN = ("same-origin", "none")  # a page of this site, or the person: an address typed in, a bookmark
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS


def _brotli(quality: int) -> Callable[[bytes], bytes]:
    return lambda body: brotli.compress(body, quality=quality)


def _gzip(level: int) -> Callable[[bytes], bytes]:
    def compress(body: bytes) -> bytes:
        packer = zlib.compressobj(level, wbits=_GZIP_WINDOW_BITS)  # no time stamp, unlike gzip.compress
        return packer.compress(body) + packer.flush()

    return compress


# By the name of the coding, the best first. A page is compressed for each answer, and the next costs twice the time.
FOR_FILES = {"br": _brotli(11), "gzip": _gzip(9)}
FOR_PAGES = {"br": _brotli(4), "gzip": _gzip(5)}


def init_app(app: Flask) -> None:
    app.after_request(_compress)


def accepted_coding() -> str | None:
    """Return the best coding that the browser takes."""
    return next((coding for coding in FOR_FILES if request.accept_encodings[coding]), None)


def _compress(response: Response) -> Response:
    if response.mimetype != "text/html" or response.is_streamed or "Content-Encoding" in response.headers:
        return response
    response.vary.update(("Accept-Encoding", "Sec-Fetch-Site"))
    coding = accepted_coding()
    if coding and _is_asked_for_here() and len(body := response.get_data()) >= MIN_BYTES:
        response.set_data(FOR_PAGES[coding](body))
        response.headers["Content-Encoding"] = coding
    return response


def _is_asked_for_here() -> bool:
    return request.method in ("GET", "HEAD") and request.headers.get("Sec-Fetch-Site") in OUR_OWN

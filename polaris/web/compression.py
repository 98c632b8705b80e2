"""The codings that browsers take."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
from flask import request

_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS


def _brotli(quality: int) -> Callable[[bytes], bytes]:
    return lambda body: brotli.compress(body, quality=quality)


def _gzip(level: int) -> Callable[[bytes], bytes]:
    def compress(body: bytes) -> bytes:
        packer = zlib.compressobj(level, wbits=_GZIP_WINDOW_BITS)  # no time stamp, unlike gzip.compress
        return packer.compress(body) + packer.flush()

    return compress


# By the name of the coding, the best first.
FOR_FILES = {"br": _brotli(11), "gzip": _gzip(9)}


def accepted_coding() -> str | None:
    """Return the best coding that the browser takes."""
    return next((coding for coding in FOR_FILES if request.accept_encodings[coding]), None)

"""A filter that somebody acts on: what is not understood is refused, and never means the whole fleet."""

from __future__ import annotations

import re

import pytest

from polaris.domain.fleet_query import Connectivity, Order, Query, typed


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("?", Query()),
        ("state=Faulted&text=", Query(state="Faulted")),
        ("?connectivity=offline&order=name&page=3", Query(connectivity=Connectivity.OFFLINE, order=Order.NAME, page=3)),
        ("https://polaris.example/fleet?text=harbour%20west+1", Query(text="harbour west 1")),
    ],
)
def test_understood(text: str, query: Query) -> None:
    assert typed(text) == query


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("harbour", "such as state=Faulted"),
        ("state=faulted", "no state faulted. Choose one of attention (Needs attention), session (Session running), "),
        ("status=Faulted", "not possible to filter by status"),
        ("wall=1", "not possible to filter by wall"),
        ("connectivity=gone", "no connectivity gone. Choose one of online, offline"),
        ("order=age", "no order age"),
        ("state=Faulted&state=Available", "has state twice"),
        ("text=" + "x" * 101, "more than 100 characters"),
        ("text=%ff", "such as state=Faulted"),
        ("&".join(["text=x"] * 30), "such as state=Faulted"),
        ("state=" + "x" * 10_000, "no state xxx"),
    ],
)
def test_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        typed(text)
    assert len(str(raised.value)) < 500

"""A page's side of a push without a browser: what htmx and static/js/live.js make of a fragment."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SINCE = re.compile(r' data-since="(\d+)" data-rows="(\d+)"')
NEWEST = re.compile(r'data-newest="(\d+)"')
ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)


class _Span(HTMLParser):
    """Where the element with an id begins and ends."""

    def __init__(self, html: str, element_id: str) -> None:
        super().__init__()
        self.start = self.end = -1
        self._id = element_id
        self._lines = [0]
        for line in html.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._depth = 0
        self._html = html
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.start < 0 and ("id", self._id) in attrs:
            self.start = self._at
            self._depth = 0
        self._depth += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        self._depth -= 1
        if self._depth == 0 and self.start >= 0 and self.end < 0:
            self.end = self._html.index(">", self._at) + 1

    @property
    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column


def element(html: str, element_id: str) -> str:
    """Return the HTML of the element with an id, "" if there is none."""
    span = _Span(html, element_id) if f'id="{element_id}"' in html else None
    return html[span.start : span.end] if span else ""


def swapped(html: str, root_id: str, incoming: str) -> str:
    """Return a page, or a fragment of it, in which a push has taken the place of the element with its id."""
    shown = element(html, root_id)
    completed = _completed(incoming, shown)
    return html if completed is None else html.replace(shown, completed)


def _completed(incoming: str, shown: str) -> str | None:
    """Return a list to whose newest rows the others are added; None if it does not follow on those that are shown."""
    since, newest = SINCE.search(incoming), NEWEST.search(shown)
    if since is None:
        return incoming
    if newest is None or newest[1] != since[1]:
        return None
    rows = (ROW.findall(incoming) + ROW.findall(shown))[: int(since[2])]
    return SINCE.sub("", incoming[: incoming.index(">") + 1]) + "".join(rows) + "</tbody>"

"""State to HTML: renders each fragment of a page, and wraps them for htmx to put in place.

A fragment's template gets its arguments and nothing else: no request, no user, no time zone. So the same rendering
serves the first page, every push and every browser. And what mostly stays as it is, is rendered once for the values it
shows: only the revision is put into it anew, for a page is right by its newest revision.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import current_app

from polaris.domain.session_page import Headline, SessionPage, SessionRow, StopControl, Viewer
from polaris.domain.words import AccountStatus
from polaris.live import language

Fragments = dict[str, str]  # by the id of their root element

MOST = 10_000  # of each kind: the sessions that are being watched
_NEW = ("live", "curve", "timeline")  # with each reading
_REVISION = 'data-revision="0"'  # of what is remembered: as `Headline` and `StopControl` have it


def session(page: SessionPage) -> Fragments:
    """The fragments of a session's page that everybody sees alike."""
    found = {f"session-{page.number}-header": _revised(_header(page.headline, language.locale()), page.revision)}
    for noun in _NEW:
        found[f"session-{page.number}-{noun}"] = render(f"sessions/_{noun}.html", page=page)
    return found


def stop(page: SessionPage, viewer: Viewer, operator_contact: str) -> Fragments:
    """The stop control, which differs by who looks."""
    html = _stop(page.stop_control, viewer, operator_contact, language.locale())
    return {f"session-{page.number}-stop": _revised(html, page.revision)}


@lru_cache(maxsize=MOST)
def _header(page: Headline, _language: str) -> str:
    return render("sessions/_header.html", page=page)


@lru_cache(maxsize=MOST)
def _stop(page: StopControl, viewer: Viewer, operator_contact: str, _language: str) -> str:
    return render("sessions/_stop.html", page=page, viewer=viewer, operator_contact=operator_contact)


def _revised(html: str, revision: int) -> str:
    return html.replace(_REVISION, f'data-revision="{revision}"', 1)


def rows(found: Iterable[SessionRow], viewer: Viewer) -> Fragments:
    """Rows of the sessions list, each by itself."""
    return {f"session-{row.number}-row": render("sessions/_row.html", row=row, viewer=viewer) for row in found}


def session_list(found: list[SessionRow], viewer: Viewer) -> Fragments:
    """A page of the sessions list, whole."""
    return {"sessions": render("sessions/_list.html", rows=found, viewer=viewer)}


def account_status(status: AccountStatus, operator_contact: str) -> Fragments:
    html = render("account/_status.html", status=status, operator_contact=operator_contact)
    return {"account-status": html}


def render(template: str, **arguments: object) -> str:
    """Without Flask's own context, which would ask who the user is.

    By Jinja's low-level parts: its `render` gathers the globals of the environment one by one.
    """
    env = current_app.jinja_env
    found = env.get_template(template)
    context = env.context_class(env, {**env.globals, **arguments}, template, found.blocks)
    return "".join(found.root_render_func(context))


def in_place(fragments: Fragments) -> str:
    """The fragments as htmx takes them: each goes to the element of its id, and keeps what is typed and focused."""
    return "\n".join(
        f'<hx-partial hx-target="#{root_id}" hx-swap="outerMorph">{html}</hx-partial>'
        for root_id, html in fragments.items()
    )

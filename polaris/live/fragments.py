"""State to HTML: renders each fragment of a page, and wraps them for htmx to put in place.

A fragment's template gets its arguments and nothing else: no request, no user, no time zone. So the same rendering
serves the first page, every push and every browser.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import current_app

from polaris.domain.session_page import SessionPage, SessionRow, Viewer
from polaris.domain.words import AccountStatus

Fragments = dict[str, str]  # by the id of their root element

_SHARED = ("header", "live", "curve", "timeline")


def session(page: SessionPage) -> Fragments:
    """The fragments of a session's page that everybody sees alike."""
    return {f"session-{page.number}-{noun}": render(f"sessions/_{noun}.html", page=page) for noun in _SHARED}


def stop(page: SessionPage, viewer: Viewer, operator_contact: str) -> Fragments:
    """The stop control, which differs by who looks."""
    html = render("sessions/_stop.html", page=page, viewer=viewer, operator_contact=operator_contact)
    return {f"session-{page.number}-stop": html}


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
    """Without Flask's own context, which would ask who the user is."""
    return current_app.jinja_env.get_template(template).render(arguments)


def in_place(fragments: Fragments) -> str:
    """The fragments as htmx takes them: each goes to the element of its id, and keeps what is typed and focused."""
    return "\n".join(
        f'<hx-partial hx-target="#{root_id}" hx-swap="outerMorph">{html}</hx-partial>'
        for root_id, html in fragments.items()
    )

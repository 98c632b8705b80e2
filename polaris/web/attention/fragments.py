"""The fragments of the page of what needs a person, its count in the sidebar, and the filters that they use."""

from __future__ import annotations

from flask import Flask, url_for
from markupsafe import Markup

from polaris.administration.invitations import Invited
from polaris.attention import Action, Attention, said
from polaris.rendering.filters import with_times
from polaris.rendering.fragments import Fragments, render
from polaris.services import services
from polaris.web.attention import view

_AROUND = ("summary", "acknowledged")


def register(app: Flask) -> None:
    """Add this page's filters to the app's Jinja environment, and the count for the sidebar of each page."""
    for filter_ in (invitation_said, action_href):
        app.add_template_filter(filter_)
    app.add_template_global(attention_count)
    app.jinja_env.globals["attention_more"] = view.MORE


def page(attention: Attention) -> Fragments:
    """Render the list: a fragment for each kind, so that one that changes is pushed alone."""
    found = {f"attention-{noun}": render(f"attention/_{noun}.html", attention=attention) for noun in _AROUND}
    for section in attention.sections:
        found[f"attention-{section.kind.name}"] = render("attention/_section.html", section=section)
    return found


def count(attention: Attention) -> Fragments:
    """Render the count in the sidebar."""
    return {"attention-count": render("attention/_count.html", count=attention.count, is_counted=attention.is_counted)}


def attention_count() -> Markup:
    """Render the count for a page, from the list as it was a moment ago."""
    (html,) = count(services().attention.latest().attention).values()
    return Markup(html)  # noqa: S704 - the template escapes


def invitation_said(invited: Invited) -> Markup:
    """Say how far an invitation's mail has come."""
    return with_times(said(invited))


def action_href(action: Action) -> str:
    """Return the address of an action's form, which leads back to the list."""
    return view.href(action, url_for("attention.index"))

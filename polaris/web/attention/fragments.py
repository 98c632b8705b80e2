"""The fragments of the page of what needs a person, its count in the sidebar, and the filters that they use."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, url_for
from markupsafe import Markup

from polaris.administration.invitations import Invited
from polaris.attention import Action, Attention, Sentence, said
from polaris.rendering.filters import instant, with_times
from polaris.rendering.fragments import Fragments, render
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web.attention import view

_AROUND = ("summary", "acknowledged")


def register(app: Flask) -> None:
    """Add this page's filters to the app's Jinja environment, and the count for the sidebar of each page."""
    for filter_ in (evidence, invitation_said, action_href):
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


def evidence(sentence: Sentence) -> Markup:
    """Write a sentence with its values, which chargers and strangers may have sent."""
    values = {name: _written(value) for name, value in sentence.values.items()}
    return Markup(gettext(sentence.text)) % values  # noqa: S704 - the product's own text; the values are escaped


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return instant(value)
    return with_times(value) if isinstance(value, str) else value


def invitation_said(invited: Invited) -> Markup:
    """Say how far an invitation's mail has come."""
    return evidence(said(invited))


def action_href(action: Action) -> str:
    """Return the address of an action's form, which leads back to the list."""
    return view.href(action, url_for("attention.index"))

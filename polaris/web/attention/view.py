"""The words and addresses of what needs a person, on its page. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from polaris.attention.item import Action

# Where more of a kind is listed than this page shows, by the fleet page's query.
MORE = {
    "fault": {"state": "Faulted"},
    "offline": {"connectivity": "offline", "order": "contact"},
    "stuck": {"state": "stuck"},
}


def href(action: Action, next_: str) -> str:
    """Return the address of an action's page. A form leads back to `next_`."""
    path = "/".join(quote(part, safe="") for part in action.path)
    return f"/{path}?{urlencode({**action.fields, 'next': next_})}" if action.is_form else f"/{path}"

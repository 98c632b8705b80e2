"""The fragments of the page that compares settings."""

from __future__ import annotations

from polaris.rendering.fragments import Fragments, render
from polaris.web.comparison.queries import ComparisonPage, Version


def version(version: Version) -> Fragments:
    """Render the version of a comparison."""
    root_id = f"charger-{version.charger_id}-settings-version"
    return {root_id: render("chargers/_settings_version.html", charger_id=version.charger_id, version=version.text)}


def compared(page: ComparisonPage) -> Fragments:
    """Render a comparison, and the baselines that there are."""
    return {f"charger-{page.charger_id}-comparison": render("comparison/_compared.html", page=page)}

"""The fragment of a charger's commissioning: its open run, or how one is begun."""

from __future__ import annotations

from dataclasses import dataclass

from polaris.commissioning.actions import OFFERS
from polaris.commissioning.runs import Run
from polaris.rendering.fragments import Fragments, render


@dataclass(frozen=True, slots=True)
class RunPage:
    """A charger's newest run, if there is one, and the one before it to compare with."""

    charger_id: int
    identity: str
    name: str
    run: Run | None
    before: Run | None = None
    out_of_service: str = ""  # why none can begin


def run(page: RunPage, *, for_operator: bool = True) -> Fragments:
    """Render the run; for an electrician without what only operators can open."""
    return {
        f"charger-{page.charger_id}-commissioning": render(
            "commissioning/_run.html", page=page, offers=OFFERS, for_operator=for_operator
        )
    }


def closed(charger_id: int) -> Fragments:
    """Render what takes the place of the run when an electrician's link has ended."""
    return {f"charger-{charger_id}-commissioning": render("commissioning/_closed.html", charger_id=charger_id)}

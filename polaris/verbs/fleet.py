"""Verbs for the fleet's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from polaris import administration
from polaris.domain.arguments import StrictStruct
from polaris.verbs.verb import Done, Request, Verb

FilterName = Annotated[str, Meta(title="Name", description="The filter's name, 1 to 40 characters.", max_length=100)]
FilterQuery = Annotated[
    str,
    Meta(
        title="Filter",
        description="As in the fleet page's address, such as state=Faulted&text=harbour.",
        max_length=1000,
    ),
]


class SaveFilter(StrictStruct, frozen=True):
    """Save a filter of the fleet under a name. All operators find it above the fleet."""

    name: FilterName
    query: FilterQuery


class DeleteFilter(StrictStruct, frozen=True):
    """Delete a saved filter of the fleet, for all operators."""

    name: FilterName


def _save_filter(request: Request, asked: SaveFilter) -> Done:
    saved = administration.save_filter(asked.name, asked.query, **request.audited)
    return Done(f"The filter {saved.name} was saved.")


def _delete_filter(request: Request, asked: DeleteFilter) -> Done:
    administration.delete_filter(asked.name, **request.audited)
    return Done(f"The filter {asked.name} was deleted.")


def _filter_names() -> Sequence[str]:
    return [saved.name for saved in administration.saved_filters()]


VERBS = {
    "save-filter": Verb(SaveFilter, "Save this filter", _save_filter),
    "delete-filter": Verb(DeleteFilter, "Delete a filter", _delete_filter, choices={"name": _filter_names}),
}

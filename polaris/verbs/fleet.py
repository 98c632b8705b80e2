"""Verbs for the fleet's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta

from polaris import administration
from polaris.administration.walls import MAX_DAYS
from polaris.domain.arguments import StrictStruct
from polaris.domain.instants import second_text
from polaris.domain.sentences import say
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

FilterName = Annotated[str, Meta(title="Name", description="The filter's name, 1 to 40 characters.", max_length=40)]
WallName = Annotated[str, Meta(title="Wall", description="The wall's name, 1 to 40 characters.", max_length=40)]
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


class AddWall(StrictStruct, frozen=True):
    """Make a link that lets one screen show the fleet, and nothing else, without anybody signed in.

    Open it in the screen's browser, and press the button there. It works once.
    """

    name: WallName
    days: Annotated[int, Meta(ge=1, le=MAX_DAYS, description="For so many days the screen may show it.")] = 90


class RemoveWall(StrictStruct, frozen=True):
    """Remove a wall: its screen shows nothing from now on."""

    name: WallName


def _save_filter(request: Request, asked: SaveFilter) -> Done:
    saved = administration.save_filter(asked.name, asked.query, **request.audited)
    return Done(say("The filter %(name)s was saved.", name=saved.name))


def _delete_filter(request: Request, asked: DeleteFilter) -> Done:
    administration.delete_filter(asked.name, **request.audited)
    return Done(say("The filter %(name)s was deleted.", name=asked.name))


def _add_wall(request: Request, asked: AddWall) -> Done:
    token = administration.add_wall(asked.name, asked.days, **request.audited)
    sentence = say("Open this link in the screen's browser, and press the button there.")
    return Done(sentence, links={asked.name.strip(): f"/wall/{token}"})


def _remove_wall(request: Request, asked: RemoveWall) -> Done:
    administration.remove_wall(request.notifications, asked.name, **request.audited)
    return Done(say("The wall %(name)s was removed.", name=asked.name))


def _delete_filter_warning(asked: Values) -> Warning | None:
    """Name what the filter finds: another operator may have saved another one under its name."""
    saved = {each.name: each.query for each in administration.saved_filters()}
    name = asked["name"].strip()
    if name not in saved:
        return None
    return Warning(
        say("Delete the filter %(name)s, for all operators?", name=name), (urlencode(saved[name].parameters()),)
    )


def _remove_wall_warning(asked: Values) -> Warning | None:
    """Name the wall by the time it was made: another one may have got its name."""
    walls = {wall.name: wall for wall in administration.list_walls(datetime.now(UTC))}
    wall = walls.get(asked["name"].strip())
    if wall is None:
        return None
    times = {"made": second_text(wall.created_at), "until": second_text(wall.ends_at)}
    if wall.opened_at is None:
        hit = say("Not opened yet, made %(made)s, until %(until)s", **times)
    else:
        opened = second_text(wall.opened_at)
        hit = say("Open since %(opened)s, made %(made)s, until %(until)s", opened=opened, **times)
    return Warning(say("Remove the wall %(name)s?", name=wall.name), (hit,))


def _filter_names() -> Sequence[str]:
    return [saved.name for saved in administration.saved_filters()]


def _wall_names() -> Sequence[str]:
    return [wall.name for wall in administration.list_walls(datetime.now(UTC))]


VERBS = {
    "save-filter": Verb(SaveFilter, say("Save this filter"), _save_filter),
    "delete-filter": Verb(
        DeleteFilter,
        say("Delete a filter"),
        _delete_filter,
        warning=_delete_filter_warning,
        choices={"name": _filter_names},
    ),
    "add-wall": Verb(AddWall, say("Add a wall"), _add_wall, is_sensitive=True),
    "remove-wall": Verb(
        RemoveWall, say("Remove a wall"), _remove_wall, warning=_remove_wall_warning, choices={"name": _wall_names}
    ),
}

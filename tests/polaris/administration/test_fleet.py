"""Saved filters of the fleet: kept as the page takes them, shared, bounded, and gone with a person whom they name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from polaris import administration, models, retention
from polaris.administration import Refused, fleet
from polaris.config import Config
from polaris.domain.fleet_query import Connectivity, Query
from polaris.domain.settings import Access, Setting
from polaris.models import AuditEntry
from polaris.verbs.verb import Notifications
from tests.support import cast as people_of

pytestmark = pytest.mark.both_databases

WHO = {"actor": "olga@example.com", "now": datetime(2026, 3, 1, 12, 0, tzinfo=UTC)}


def audit() -> list[tuple[str, str, str]]:
    return [(row.action, row.target, row.detail) for row in AuditEntry.select().order_by(AuditEntry.id)]


@pytest.mark.parametrize(
    "text",
    [
        "state=Faulted&connectivity=offline&text=a+b",
        "?text=+a%20b+&state=Faulted&connectivity=offline&page=7&order=attention",
        "/fleet?connectivity=offline&state=Faulted&text=a+b",
    ],
)
def test_kept_as_the_page_takes_it(database: None, text: str) -> None:
    administration.save_filter(" Faults ", text, **WHO)
    administration.save_filter("Faults", text, **WHO)  # a second press

    (saved,) = administration.saved_filters()
    assert (saved.name, saved.query) == ("Faults", Query("Faulted", Connectivity.OFFLINE, text="a b"))
    assert audit() == [("filter.saved", "Faults", "state=Faulted&connectivity=offline&text=a+b")]


@pytest.mark.parametrize("text", ["", "?", "page=3", "state=nothing", "a" * 1000, "text=%ff", "&".join(["a=1"] * 50)])
def test_what_filters_nothing_refused(database: None, text: str) -> None:
    with pytest.raises(Refused, match=r"A filter is what|There is no state nothing\."):
        administration.save_filter("Faults", text, **WHO)


@pytest.mark.parametrize("name", ["", " ", "a\0", "a\nb", "x" * 41])
def test_wrong_name_refused(database: None, name: str) -> None:
    with pytest.raises(Refused, match="A name has"):
        administration.save_filter(name, "state=Faulted", **WHO)


def test_another_filter_is_not_overwritten(database: None) -> None:
    administration.save_filter("Faults", "state=Faulted", **WHO)
    with pytest.raises(Refused, match="There is a filter Faults already"):
        administration.save_filter("Faults", "state=stuck", **WHO)


def test_follows_a_renamed_site(database: None) -> None:
    for name in ("Main", "Old main"):
        administration.set_site(name, **WHO)
        administration.save_filter(f"Faults of {name}", f"state=Faulted&site={name}", **WHO)
    administration.save_filter("Faults", "state=Faulted", **WHO)

    administration.rename_site("Main", "Depot ⚡", **WHO)

    sites = {saved.name: saved.query.site for saved in administration.saved_filters()}
    assert sites == {"Faults": "", "Faults of Main": "Depot ⚡", "Faults of Old main": "Old main"}


@pytest.mark.parametrize(
    "make",
    [
        lambda n: administration.save_filter("Good", f"text={n}", **WHO),
        lambda n: administration.save_baseline(
            "Good", f"depot-{n}", [Setting("", 0, 0, "A", "1", Access.READ_WRITE)], **WHO
        ),
        lambda _: administration.add_wall("Good", 1, **WHO),
    ],
    ids=["filter", "baseline", "wall"],
)
def test_a_name_that_two_choose_at_once_is_the_first_ones(database: None, make: Callable[[int], object]) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(6)

    def choose(n: int) -> None:
        together.wait()
        try:
            make(n)
            outcomes.append("made")
        except Refused as refused:
            outcomes.append(str(refused).partition(".")[0])
        finally:
            models.close()

    threads = [threading.Thread(target=choose, args=[n]) for n in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count("made") == 1
    assert len([said for said in outcomes if said.endswith(" Good already")]) == 5


def test_deleted_and_bounded(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "MAX_FILTERS", 2)
    for name in ("B", "A"):
        administration.save_filter(name, f"text={name}", **WHO)
    with pytest.raises(Refused, match="There are 2 filters already"):
        administration.save_filter("C", "text=C", **WHO)

    administration.delete_filter("B", **WHO)

    assert [saved.name for saved in administration.saved_filters()] == ["A"]
    assert audit()[-1] == ("filter.deleted", "B", "text=B")
    with pytest.raises(Refused, match="There is no filter B"):
        administration.delete_filter("B", **WHO)


def test_erased_person_is_in_none(database: None, config: Config) -> None:
    cast = people_of.everybody(config)
    administration.save_filter("Hers", f"text={cast.ada.email}", **WHO)
    administration.save_filter("Faults", "state=Faulted", **WHO)

    retention.erase(Notifications(), cast.ada.email, **WHO)

    assert [saved.name for saved in administration.saved_filters()] == ["Faults"]

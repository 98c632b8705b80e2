"""What is deleted while something is added to it: the one that comes second is refused, and leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from polaris import administration, models, retention
from polaris.administration import Refused
from polaris.config import Config
from polaris.models import Charger, EvCard
from polaris.verbs.verb import Notifications
from tests.support import cast as people_of
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases

WHO = {"actor": "olga@example.com", "now": datetime(2026, 3, 1, 12, 0, tzinfo=UTC)}
BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def outcome_while(change: Callable[[], object], add: Callable[[], object]) -> str:
    """Return why `add` is refused, which is called before the transaction of `change` ends; "" if it is not."""
    outcomes: list[str] = []

    def added() -> None:
        try:
            add()
            outcomes.append("")
        except Refused as refused:
            outcomes.append(str(refused))
        finally:
            models.close()

    adding = threading.Thread(target=added)
    with models.database.atomic():
        change()
        adding.start()
        if models.database.obj.for_update:  # on SQLite it waits for its turn, however late it comes
            eventually(lambda: models.database.execute_sql(BLOCKED).fetchone() != (0,))
    adding.join()
    return outcomes[0]


def test_charger_added_to_a_site_that_is_deleted(database: None, config: Config) -> None:
    administration.set_site("Yard", **WHO)

    def add() -> None:
        administration.add_charger(config.charger_key_secrets, "yard-1", site="Yard", **WHO)

    assert outcome_while(lambda: administration.delete_site("Yard", **WHO), add) == "There is no site Yard."
    assert Charger.select().count() == 0


def test_card_added_to_an_account_that_is_erased(database: None) -> None:
    ada = people_of.add_person("ada@example.com")

    def erase() -> None:
        retention.erase(Notifications(), ada.email, **WHO)

    def add() -> None:
        administration.add_card(ada.email, "NEW-1", **WHO)

    assert outcome_while(erase, add) == "There is no account ada@example.com."
    assert EvCard.select().count() == 0

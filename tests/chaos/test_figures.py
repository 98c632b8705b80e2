"""Sessions told wrongly in every way: of each the total is the truth, less what was lost, or it is not known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.conftest import Asked
from tests.chaos.figures import described, judged, sessions, smaller

SESSIONS = 2000


@pytest.mark.field(15, 16, 17, 29, 31, 33, 35, 106, 107, 108, 109, 110, 120, 122, 128)
def test_total_is_truth_or_not_known(asked: Asked, report: Callable[[str], None]) -> None:
    unknown, wrong = 0, []
    for session in sessions(SESSIONS, asked.seed):
        verdict = judged(session)
        unknown += verdict.total.energy_wh is None
        if verdict.faults:
            wrong.append(session)
    report(f"figures: {SESSIONS} sessions, {unknown} not known, {len(wrong)} wrong")
    least = [smaller(session, lambda less: judged(less).faults) for session in wrong[:5]]
    assert not wrong, "\n".join(described(session, judged(session)) for session in least)

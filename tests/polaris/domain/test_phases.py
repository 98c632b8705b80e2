"""Phases that come in messages of their own: one value for each round of them."""

from datetime import UTC, datetime, timedelta

import pytest

from polaris.domain.phases import MAX_KEYS, PhaseMemory

pytestmark = pytest.mark.field(121)

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def told(*phases: str, memory: PhaseMemory | None = None) -> list[int | None]:
    """What comes of phases told one after the other, each as much as messages have come."""
    memory = memory or PhaseMemory()
    found = []
    for number, phase in enumerate(phases, start=1):
        total = memory.total((1, "", "Power"), AT + timedelta(seconds=number), {phase: number})
        found.append(None if total is None else int(total))
    return found


@pytest.mark.parametrize(
    ("phases", "totals"),
    [
        (["L1", "L1", "L1"], [1, 2, 3]),  # the total, tagged as a phase
        (["L1", "L2", "L3", "L1", "L2", "L3"], [1, None, 6, None, None, 15]),
        (["L2", "L3", "L1", "L2", "L3", "L1"], [1, None, 6, None, None, 15]),
        (["L1-N", "l2-n", "L3-N", "L1-N", "L2-N", "L3-N"], [1, None, 6, None, None, 15]),
        (["L1", "L2", "L1", "L2", "L1", "L2"], [1, None, None, 7, None, 11]),  # the first round ends with the second
        (["L1", "L2", "L3", "L1", "L1", "L1"], [1, None, 6, None, 5, 6]),  # the car uses one phase from here on
        (["N", "L1-L2"], [None, None]),
    ],
)
def test_phases_in_turn(phases: list[str], totals: list[int | None]) -> None:
    assert told(*phases) == totals


def test_repetition_counts_once() -> None:
    memory = PhaseMemory()
    told("L1", "L2", "L3", memory=memory)
    again = AT + timedelta(minutes=1)
    found = [memory.total((1, "", "Power"), again, {phase: 7}) for phase in ("L1", "L1", "L2", "L3")]
    assert found == [None, None, None, 21]


def test_memory_is_bounded() -> None:
    memory = PhaseMemory()
    for number in range(2 * MAX_KEYS):
        memory.total((number, "", "Power"), AT, {"L1": 1})
    assert len(memory._rounds) <= MAX_KEYS

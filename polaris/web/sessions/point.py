"""A reading as a session's page shows it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from polaris.domain.enums import is_counted


class Point(Struct, frozen=True, gc=False, cache_hash=True):
    """One reading of the timeline or the curve. `at` is the charger's time.

    `energy_wh` is what the session had taken by then. If the reading is not counted, `set_aside` says why
    (enums.SetAside), and `meter_wh` is the figure that the meter sent.
    """

    at: datetime
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None = None
    is_final: bool = False
    set_aside: str = ""
    meter_wh: int | None = None

    @property
    def is_meter_shown(self) -> bool:
        """Whether the meter's own figure stands in for an energy: not if the power alone is set aside."""
        return not is_counted(self.set_aside) and self.energy_wh is None and self.meter_wh is not None

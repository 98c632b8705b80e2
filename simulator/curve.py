"""A plausible charging curve: power ramps up, wavers, and tapers as the battery fills. Time and noise are arguments."""

from __future__ import annotations

from dataclasses import dataclass

PEAK_W = 22_000
RAMP_S = 30.0
TAPER_FROM_PERCENT = 80.0
MIN_POWER_W = 1_400  # at the end of the taper: with less the battery would never be full


@dataclass
class Battery:
    """A car's battery at a charger's meter."""

    register_wh: float
    capacity_wh: float = 60_000
    soc_percent: float = 38.0
    elapsed_s: float = 0.0

    @property
    def is_full(self) -> bool:
        return self.soc_percent >= 100

    def charge(self, seconds: float, noise: float) -> int:
        """Charge for some seconds; return the power in W. `noise` is from -1 to 1."""
        self.elapsed_s += seconds
        power_w = self._power_w() * (1 + 0.012 * noise)
        energy_wh = power_w * seconds / 3600
        self.register_wh += energy_wh
        self.soc_percent = min(100.0, self.soc_percent + 100 * energy_wh / self.capacity_wh)
        return round(power_w)

    def _power_w(self) -> float:
        ramp = min(1.0, self.elapsed_s / RAMP_S)
        left = max(0.0, 100 - self.soc_percent) / (100 - TAPER_FROM_PERCENT)
        return max(MIN_POWER_W, PEAK_W * ramp * min(1.0, left))

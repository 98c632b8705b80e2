"""How long data is kept: the sweep that deletes what is old, and the export and erasure of a person's data."""

from polaris.retention.erase import StillCharging, erase
from polaris.retention.export import export
from polaris.retention.sweep import sweep
from polaris.retention.swept import Swept

__all__ = ["StillCharging", "Swept", "erase", "export", "sweep"]

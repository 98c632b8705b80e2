"""How long data is kept: the sweep that deletes what is old, and the export and erasure of a person's data."""

from polaris.retention.sweep import Swept, sweep

__all__ = ["Swept", "sweep"]

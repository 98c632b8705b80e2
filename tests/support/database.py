"""Owns letting go of the database that this process's models are bound to."""

from __future__ import annotations

from polaris import models


def disconnect() -> None:
    """Close every connection of this process, so that the database can be copied, dropped or bound again."""
    models.close()
    if hasattr(models.database.obj, "close_all"):  # PostgreSQL's pool
        models.database.obj.close_all()

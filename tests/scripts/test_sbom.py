"""The bill of materials names everything that Polaris runs on."""

from __future__ import annotations

import re

from scripts import sbom, vendor


def test_names_each_locked_package() -> None:
    locked = dict(
        re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", (sbom.ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    named = {part["name"]: part["version"] for part in sbom.locked_packages()["components"]}
    assert named == locked
    assert len(named) > 40


def test_names_htmx_and_its_files() -> None:
    part = sbom.vendored_package()
    assert (part["name"], part["version"]) == (vendor.NAME, vendor.VERSION)
    assert {file["name"]: file["hashes"][0]["content"] for file in part["components"]} == vendor.FILES

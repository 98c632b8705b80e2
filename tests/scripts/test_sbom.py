"""The bill of materials names everything that Polaris runs on."""

from __future__ import annotations

import json

from cyclonedx.output.json import JsonV1Dot6

from scripts import sbom, vendor


def test_names_all_parts() -> None:
    bill = json.loads(JsonV1Dot6(sbom.bill_of_materials()).output_as_string())
    parts = {part["name"]: part for part in bill["components"]}
    assert sbom.LOCK.read_text().count("==") == len(parts) - 1 > 40
    assert all(part["hashes"] for name, part in parts.items() if name != vendor.NAME)
    htmx = parts[vendor.NAME]
    assert (htmx["version"], htmx["purl"]) == (vendor.VERSION, f"pkg:npm/{vendor.NAME}@{vendor.VERSION}")
    assert {file["name"]: file["hashes"][0]["content"] for file in htmx["components"]} == vendor.FILES

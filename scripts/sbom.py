"""Write what Polaris consists of as CycloneDX: the locked packages with their hashes, and what static/vendor/ holds.

python -m scripts.sbom              write sbom.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts import vendor

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "sbom.json"


def main() -> None:
    bill = locked_packages()
    bill["components"].append(vendored_package())
    TARGET.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n")
    print(f"{TARGET.name}: {len(bill['components'])} components")


def locked_packages() -> dict[str, Any]:
    """Return the bill of materials of requirements.lock, with the metadata of pyproject.toml."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", "--pyproject"]
    output = subprocess.run(
        [*command, "pyproject.toml", "requirements.lock"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    bill: dict[str, Any] = json.loads(output)
    return bill


def vendored_package() -> dict[str, Any]:
    """Return the component that `scripts/vendor.py` pins."""
    purl = f"pkg:npm/{vendor.NAME}@{vendor.VERSION}"
    return {
        "bom-ref": purl,
        "type": "library",
        "name": vendor.NAME,
        "version": vendor.VERSION,
        "purl": purl,
        "licenses": [{"license": {"id": vendor.LICENCE}}],
        "components": [
            {"type": "file", "name": path, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for path, digest in vendor.FILES.items()
        ],
    }


if __name__ == "__main__":
    main()

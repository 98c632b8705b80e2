"""Write what Polaris consists of as CycloneDX: the locked packages with their hashes, and what static/vendor/ holds.

python -m scripts.sbom              write sbom.json
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from polaris.version import VERSION
from scripts import vendor

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
TARGET = ROOT / "sbom.json"
PACKAGE = re.compile(r"^([\w.-]+)(?:\[\S+\])?==(\S+)((?: \\\n +--hash=sha256:\w+)*)", re.MULTILINE)


def main() -> None:
    bill = bill_of_materials()
    TARGET.write_text(JsonV1Dot6(bill).output_as_string(indent=2) + "\n")
    print(f"{TARGET.name}: {len(bill.components)} components")


def bill_of_materials() -> Bom:
    parts = [*locked_packages(), vendored_package()]
    bill = Bom(components=parts)
    bill.metadata.component = Component(name="polaris", version=VERSION, type=ComponentType.APPLICATION)
    bill.register_dependency(bill.metadata.component, parts)
    return bill


def locked_packages() -> Iterator[Component]:
    """Yield the packages of requirements.lock; the hashes are of all their files for all platforms."""
    for name, version, hashes in PACKAGE.findall(LOCK.read_text()):
        purl = PackageURL("pypi", name=name, version=version)
        yield _library(purl, re.findall(r"sha256:(\w+)", hashes))


def vendored_package() -> Component:
    """Return the component that `scripts/vendor.py` pins, with the files that are taken from it."""
    package = _library(PackageURL("npm", name=vendor.NAME, version=vendor.VERSION), [])
    package.licenses.add(LicenseExpression(vendor.LICENCE))
    for path, digest in vendor.FILES.items():
        package.components.add(Component(name=path, type=ComponentType.FILE, hashes=[_sha256(digest)]))
    return package


def _library(purl: PackageURL, digests: list[str]) -> Component:
    hashes = [_sha256(digest) for digest in digests]
    return Component(name=purl.name, version=purl.version, purl=purl, bom_ref=str(purl), hashes=hashes)


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


if __name__ == "__main__":
    main()

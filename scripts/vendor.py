"""Fetch the browser libraries that Polaris serves itself, and check the copies in the tree.

Only developers run it; nothing is fetched when Polaris is installed, started or tested. The npm registry's integrity
hash of the package and the hash of every file taken from it are pinned here.

    python scripts/vendor.py            write static/vendor/ from the registry
    python scripts/vendor.py --check    compare static/vendor/ with the pinned hashes, without network
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
REGISTRY = "https://registry.npmjs.org/"
RECORD = "VENDORED.md"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: the registry's sha512 of its tarball, and the sha256 of each file taken, by its path in it."""

    name: str
    version: str
    licence: str
    integrity: str
    files: Mapping[str, str]

    @property
    def folder(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def path(self) -> str:
        return f"{self.name}/-/{self.name}-{self.version}.tgz"


PACKAGES = (
    Package(
        name="htmx.org",
        version="4.0.1",
        licence="0BSD",
        integrity="oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        files={
            "dist/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
            "dist/ext/hx-sse.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
            "LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
        },
    ),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write static/vendor/ from the npm registry.")
    parser.add_argument("--check", action="store_true", help="only compare the files in the tree, without network")
    if not parser.parse_args(arguments).check:
        for package in PACKAGES:
            write(package, unpack(package, fetch(package)))
    wrong = check()
    print("\n".join(wrong) or "static/vendor/ is as pinned.")
    return 1 if wrong else 0


def check(vendor: Path = VENDOR) -> list[str]:
    """List how `vendor` differs from the files that this script would write."""
    wrong = []
    expected = {name: digest for package in PACKAGES for name, digest in _expected(package).items()}
    present = {path.relative_to(vendor).as_posix(): path for path in vendor.rglob("*") if path.is_file()}
    for name in sorted(expected.keys() | present.keys()):
        if name not in present:
            wrong.append(f"{name} is missing")
        elif name not in expected:
            wrong.append(f"{name} was not written by scripts/vendor.py")
        elif _sha256(present[name].read_bytes()) != expected[name]:
            wrong.append(f"{name} was changed")
    return wrong


def fetch(package: Package) -> bytes:
    """Download the package's tarball; exit if its hash is not the pinned one."""
    with urllib.request.urlopen(_registry() + package.path, timeout=60) as response:
        tarball: bytes = response.read()
    if base64.b64encode(hashlib.sha512(tarball).digest()).decode() != package.integrity:
        sys.exit(f"{package.folder}: the registry's tarball does not have the pinned sha512.")
    return tarball


def unpack(package: Package, tarball: bytes) -> dict[str, bytes]:
    """Return the wanted files of the tarball by name; exit if the hash of one is not the pinned one."""
    contents = {}
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        for path, digest in package.files.items():
            member = archive.extractfile(f"package/{path}")
            content = member.read() if member else b""
            if _sha256(content) != digest:
                sys.exit(f"{package.folder}: {path} does not have the pinned sha256.")
            contents[Path(path).name] = content
    return contents


def write(package: Package, contents: Mapping[str, bytes], vendor: Path = VENDOR) -> None:
    """Replace the package's folder, and remove those of other versions."""
    for old in vendor.glob(f"{package.name}@*"):
        shutil.rmtree(old)
    folder = vendor / package.folder
    folder.mkdir(parents=True)
    for name, content in {**contents, RECORD: record(package).encode()}.items():
        (folder / name).write_bytes(content)


def record(package: Package) -> str:
    """Return the text that goes beside the files: what they are and where they come from."""
    rows = "\n".join(f"| `{Path(path).name}` | `{path}` | `{digest}` |" for path, digest in package.files.items())
    return f"""# {package.name} {package.version}

Written by `scripts/vendor.py` from npm, unchanged; do not edit. Licence: {package.licence}, see `LICENSE`.
The package's integrity: `sha512-{package.integrity}`

| file | in the package | sha256 |
|---|---|---|
{rows}
"""


def _expected(package: Package) -> dict[str, str]:
    digests = {f"{package.folder}/{Path(path).name}": digest for path, digest in package.files.items()}
    return {**digests, f"{package.folder}/{RECORD}": _sha256(record(package).encode())}


def _registry() -> str:
    """Return the registry that npm uses on this machine, from the environment or its own files."""
    registry = os.environ.get("npm_config_registry") or os.environ.get("NPM_CONFIG_REGISTRY")
    if not registry and (npm := shutil.which("npm")):
        configured = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, check=False)
        registry = configured.stdout.strip()
    registry = registry if registry and registry.startswith("http") else REGISTRY
    return registry.rstrip("/") + "/"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())

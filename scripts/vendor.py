"""Fetch htmx, which Polaris serves itself, and check the copy in the tree.

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
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
REGISTRY = "https://registry.npmjs.org/"

NAME, VERSION, LICENCE = "htmx.org", "4.0.1", "0BSD"
INTEGRITY = "oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg=="  # sha512
FILES = {  # sha256, by path in the package
    "dist/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
}
FOLDER = f"{NAME}@{VERSION}"
RECORD = f"""# {NAME} {VERSION}

Written by `scripts/vendor.py` from npm, unchanged; do not edit. Licence: {LICENCE}, see `LICENSE`.
The package's integrity: `sha512-{INTEGRITY}`

| file | in the package | sha256 |
|---|---|---|
""" + "".join(f"| `{Path(path).name}` | `{path}` | `{digest}` |\n" for path, digest in FILES.items())


def main() -> int:
    parser = argparse.ArgumentParser(description="Write static/vendor/ from the npm registry.")
    parser.add_argument("--check", action="store_true", help="only compare the files in the tree, without network")
    if not parser.parse_args().check:
        write(unpack(fetch()))
    wrong = check()
    print("\n".join(wrong) or "static/vendor/ is as pinned.")
    return 1 if wrong else 0


def check(vendor: Path = VENDOR) -> list[str]:
    """List how `vendor` differs from the files that this script would write."""
    wrong = []
    expected = {f"{FOLDER}/{Path(path).name}": digest for path, digest in FILES.items()}
    expected[f"{FOLDER}/VENDORED.md"] = _sha256(RECORD.encode())
    present = {path.relative_to(vendor).as_posix(): path for path in vendor.rglob("*") if path.is_file()}
    for name in sorted(expected.keys() | present.keys()):
        if name not in present:
            wrong.append(f"{name} is missing")
        elif name not in expected:
            wrong.append(f"{name} was not written by scripts/vendor.py")
        elif _sha256(present[name].read_bytes()) != expected[name]:
            wrong.append(f"{name} was changed")
    return wrong


def fetch() -> bytes:
    """Download the package's tarball; exit if its hash is not the pinned one."""
    with urllib.request.urlopen(f"{_registry()}{NAME}/-/{NAME}-{VERSION}.tgz", timeout=60) as response:
        tarball: bytes = response.read()
    if base64.b64encode(hashlib.sha512(tarball).digest()).decode() != INTEGRITY:
        sys.exit(f"{FOLDER}: the registry's tarball does not have the pinned sha512.")
    return tarball


def unpack(tarball: bytes) -> dict[str, bytes]:
    """Return the wanted files of the tarball by name; exit if the hash of one is not the pinned one."""
    contents = {}
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        for path, digest in FILES.items():
            member = archive.extractfile(f"package/{path}")
            content = member.read() if member else b""
            if _sha256(content) != digest:
                sys.exit(f"{FOLDER}: {path} does not have the pinned sha256.")
            contents[Path(path).name] = content
    return contents


def write(contents: dict[str, bytes]) -> None:
    """Replace the package's folder, and remove those of other versions."""
    for old in VENDOR.glob(f"{NAME}@*"):
        shutil.rmtree(old)
    folder = VENDOR / FOLDER
    folder.mkdir(parents=True)
    for name, content in {**contents, "VENDORED.md": RECORD.encode()}.items():
        (folder / name).write_bytes(content)


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

"""Owns certificates for tests, made by the openssl command: an authority, and who it signs for."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self.pair = self._made("authority", "-addext", "keyUsage=critical,keyCertSign")

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def sign(self, common_name: str, usage: str) -> Pair:
        """A certificate for 127.0.0.1; `usage` is serverAuth or clientAuth."""
        signed_by = ["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)]
        extensions = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={usage}", "subjectAltName=IP:127.0.0.1"]
        return self._made(common_name, *signed_by, *(word for text in extensions for word in ("-addext", text)))

    def _made(self, common_name: str, *arguments: str) -> Pair:
        pair = Pair(self._directory / f"{common_name}.pem", self._directory / f"{common_name}.key")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        files = ["-keyout", str(pair.key), "-out", str(pair.certificate), "-days", "2", "-subj", f"/CN={common_name}"]
        subprocess.run([*command, *files, *arguments], check=True, capture_output=True)
        return pair

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
        self.pair = self._made("authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def sign(self, common_name: str, usage: str) -> Pair:
        """A certificate for 127.0.0.1; `usage` is serverAuth or clientAuth."""
        signed_by = ["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)]
        extensions = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={usage}", "subjectAltName=IP:127.0.0.1"]
        return self._made(common_name, *signed_by, *(word for text in extensions for word in ("-addext", text)))

    def revoke(self, *pairs: Pair, hours: int = 48) -> Path:
        """Return the authority's list of revoked certificates, with these in it, valid for so long."""
        index, config, crl = (self._directory / name for name in ("index", "config", "revoked.pem"))
        index.write_text("".join(map(_revoked, pairs)))
        config.write_text(f"[ca]\ndefault_ca=own\n[own]\ndatabase={index}\ndefault_md=sha256\n")
        signed_by = ["-cert", str(self.pair.certificate), "-keyfile", str(self.pair.key)]
        command = [
            "openssl",
            "ca",
            "-gencrl",
            "-crlhours",
            str(hours),
            "-config",
            str(config),
            *signed_by,
            "-out",
            str(crl),
        ]
        subprocess.run(command, check=True, capture_output=True)
        return crl

    def _made(self, common_name: str, *arguments: str) -> Pair:
        pair = Pair(self._directory / f"{common_name}.pem", self._directory / f"{common_name}.key")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        files = ["-keyout", str(pair.key), "-out", str(pair.certificate), "-days", "2", "-subj", f"/CN={common_name}"]
        subprocess.run([*command, *files, *arguments], check=True, capture_output=True)
        return pair


def _revoked(pair: Pair) -> str:
    """A line of openssl's index of certificates."""
    command = ["openssl", "x509", "-in", str(pair.certificate), "-noout", "-serial"]
    serial = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]
    return f"R\t{'350101000000Z'}\t{'260101000000Z'}\t{serial}\tunknown\t/CN={pair.certificate.stem}\n"

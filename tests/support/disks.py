"""Disks that a test fills and empties: a small one (as root), a limit on files' sizes, and PostgreSQL's own error."""

from __future__ import annotations

import resource
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support.processes import Process

SIZE = "16m"
MAX_FILE_BYTES = 128 * 1024  # beyond what the database's own log has when the limit is set, below its next growth
TABLES = ("bridge", "meter_reading", "charging_session", "sign_in")


class SmallDisk:
    """A file system of its own, which a file fills up."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(directory)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("file systems cannot be mounted here")

    def fill(self, *_processes: Process) -> None:
        with suppress(OSError), (self.directory / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)

    def empty(self) -> None:
        (self.directory / "filling").unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.directory)], check=True)


class FileLimit:
    """A limit on the size of the files of the processes, as a quota has it: nothing grows any further."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._limited: list[int] = []

    def fill(self, *processes: Process) -> None:
        for process in processes:
            self._limited += [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]
        self._set(MAX_FILE_BYTES)

    def empty(self) -> None:
        self._set(resource.RLIM_INFINITY)

    def close(self) -> None:
        pass

    def _set(self, max_bytes: int) -> None:
        for pid in self._limited:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (max_bytes, resource.RLIM_INFINITY))


class FullPostgres:
    """PostgreSQL, which reports for every row what it reports when a table cannot grow."""

    def __init__(self, url: str, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._url = url

    def fill(self, *_processes: Process) -> None:
        self._execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = "
            "'53100', MESSAGE = 'could not extend file: No space left on device'; END $$",
            *(
                f'CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON "{table}" EXECUTE FUNCTION refuse()'
                for table in TABLES
            ),
        )

    def empty(self) -> None:
        self._execute("DROP FUNCTION IF EXISTS refuse CASCADE")

    def close(self) -> None:
        self.empty()

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

"""`make bench PART=frame_tail`: the time a charger's page takes to find its charger's newest frames in a busy log.

A thousand chargers send a 1 kB reading each ten seconds for ten minutes. Then one of them is looked up, a charger that
is not in the log, and the first one again, without and with new lines in the log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from polaris.ocpp_log.files import IN, OUT, Line, LogFiles
from polaris.ocpp_log.tail import Tails

CHARGERS, INTERVAL_S, SECONDS = 1000, 10, 600
SAMPLE = {"value": "12345.6", "context": "Sample.Periodic", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
READING = {"connectorId": 1, "transactionId": 17, "meterValue": [{"timestamp": "x", "sampledValue": [SAMPLE] * 9}]}
FRAME = json.dumps([2, "123456", "MeterValues", READING], separators=(",", ":"))


def main() -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory)
        segments = LogFiles(path, "bridge", max_bytes=512_000_000, max_age_s=86_400)
        began_us = time.time_ns() // 1000 - SECONDS * 1_000_000
        for second in range(SECONDS):
            segments.write(_second(began_us, second))
        tails = Tails(path)
        figures = {
            "log_mb": round(sum(file.stat().st_size for file in path.iterdir()) / 1e6, 1),
            "found_ms": _ms(lambda: tails.of("charger-5")),
            "not_there_ms": _ms(lambda: Tails(path).of("nobody")),
            "nothing_gained_ms": _ms(lambda: tails.of("charger-5"), times=1000),
        }
        segments.write(_second(began_us, SECONDS))
        figures["a_second_gained_ms"] = _ms(lambda: tails.of("charger-5"))
    for name, figure in figures.items():
        print(f"{name:20} {figure:8.2f}")
    print(json.dumps(figures))


def _second(began_us: int, second: int) -> list[Line]:
    lines = []
    for number in range(second % INTERVAL_S, CHARGERS, INTERVAL_S):
        at_us, identity = began_us + second * 1_000_000 + number, f"charger-{number}"
        lines += [Line(at_us, identity, "1", IN, FRAME), Line(at_us, identity, "1", OUT, '[3,"123456",{}]')]
    return lines


def _ms(work: Callable[[], object], *, times: int = 1) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return round((time.perf_counter() - began) / times * 1000, 2)


if __name__ == "__main__":
    main()

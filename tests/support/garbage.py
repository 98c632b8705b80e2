"""Owns messages that anybody who can write to Redis could publish, and that none of our processes understands."""

from __future__ import annotations

KINDS = ("command.stop", "command.any", "session.changed", "sessions.changed", "charger.changed", "account.changed")
NAMES = ("stop_request", "command", "session", "charger", "account")
IDS = (b'"1"', b"true", b"1.5", b"null", b"[]", b"{}", b"-1", b"0", b"1e400", b"9" * 30, b"2147483648", b"9" * 5000)
GARBAGE = (
    b"",
    b"\0",
    b"\xff\xfe\x00",
    b"nonsense",
    b"null",
    b"1",
    b'"text"',
    b"[]",
    b"{}",
    b'{"type":1,"data":{}}',
    b'{"type":"command.any","data":null}',
    b'{"type":"command.any","data":{}}',
    b'{"type":"command.any","data":[1]}',
    b'{"type":"nothing","data":{"command":1}}',
    b"[" * 100_000,
    b"[" * 900,
    b'{"data":' * 100,
    b'{"x":' + b"[" * 900,
    b'{"type":"command.any","x":' + b"[" * 400 + b"]" * 400 + b',"data":{"command":1}}'[:-2],
    b'{"type":"' + b"x" * 1_000_000 + b'","data":{}}',
    *(
        b'{"type":"%s","data":{"%s":%s}}' % (kind.encode(), name.encode(), value)
        for kind in KINDS
        for name in NAMES
        for value in IDS
    ),
)

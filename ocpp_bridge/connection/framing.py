"""WebSocket frame heads (RFC 6455 §5.2), as far as whole text messages need them."""

from __future__ import annotations

from websockets.frames import Opcode

WHOLE_TEXT = 0x80 | Opcode.TEXT  # the first byte of a text message in one frame
MASKED = 0x80  # in the second byte


def payload_extent(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return the start and the length of the payload of the frame at `at`; (0, 0) if its head is incomplete.

    A mask is assumed (RFC 6455 §5.2); a charger's frame without one is refused.
    """
    have = len(data) - at
    if have < 2:
        return 0, 0
    size = data[at + 1] & 127
    if size < 126:
        return at + 6, size
    width = 2 if size == 126 else 8
    return (at + 6 + width, int.from_bytes(data[at + 2 : at + 2 + width], "big")) if have >= 2 + width else (0, 0)


def text_frame(text: bytes) -> bytes:
    """Return a text message in one frame, without a mask."""
    size = len(text)
    if size < 126:
        return bytes((WHOLE_TEXT, size)) + text
    if size < 65_536:
        return bytes((WHOLE_TEXT, 126)) + size.to_bytes(2, "big") + text
    return bytes((WHOLE_TEXT, 127)) + size.to_bytes(8, "big") + text

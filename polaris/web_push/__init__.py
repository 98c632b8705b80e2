"""Web Push (RFC 8030): notices go out to the devices that want them, by the push services of their browsers.

A push is made anew for each attempt, and encrypted for its browser. Where it is sent was said by a browser, and is
hostile: see `endpoints`.
"""

from polaris.web_push.sender import PushSender

__all__ = ["PushSender"]

"""Mail that goes out: an outbox in the database, the letters that it holds, and the sender that a bridge runs.

A letter is written anew for each attempt, always the same, so that no secret waits in the outbox.
"""

from polaris.mail.sender import Sender

__all__ = ["Sender"]

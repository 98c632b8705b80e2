"""Owns the error that a person reads: one line, no traceback."""


class Problem(Exception):
    """Polaris cannot start or go on; its text is the one line that says why."""

"""The error that is shown as one line, without a traceback."""


class Problem(Exception):
    """A reason why Polaris cannot start or continue; its text is one line."""

"""The list of sessions and a session's page."""

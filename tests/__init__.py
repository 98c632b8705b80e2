"""The tests. What they share (the processes, the databases, the browser) is in tests/support."""

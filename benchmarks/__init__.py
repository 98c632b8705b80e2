"""Benchmarks, each against its peers in the same run. They are not tests, and tests do not time."""

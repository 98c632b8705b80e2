"""Benchmarks, each against its peers in the same run. Tests measure no times."""

"""Proofs by killing and fuzzing. They take minutes, so `make chaos` runs them and `make test` does not."""

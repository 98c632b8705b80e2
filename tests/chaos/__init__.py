"""Proofs by killing, fuzzing and permutation. They take minutes, so `make chaos` runs them and `make test` does not."""

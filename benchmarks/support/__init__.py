"""Parts that the benchmarks share: load generators, browsers, servers to measure and their settings."""

"""Programs that the benchmarks compare Polaris with, each run as a process of its own."""

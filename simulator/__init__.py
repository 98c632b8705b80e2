"""Virtual chargers for the demo, the tests and the benchmarks. They speak the wire, and know nothing of Polaris."""

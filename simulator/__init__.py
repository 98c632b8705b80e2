"""Virtual chargers for the demo, the tests and the benchmarks. They speak OCPP-J and import nothing of Polaris."""

"""The process that speaks OCPP with chargers: payloads in, facts to `polaris.ingest`, commands out. No web."""

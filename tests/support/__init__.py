"""The real things that tests run against: processes, Valkey, PostgreSQL, Chromium. Nothing here is a stand-in."""

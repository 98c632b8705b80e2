"""The push engine: rendered fragments to open browsers. It knows no page."""

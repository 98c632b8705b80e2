"""OCPP 2.0.1, and what 2.1 adds."""

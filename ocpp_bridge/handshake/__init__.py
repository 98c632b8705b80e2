"""The handshake: admission, and the choice of the OCPP version."""

"""A charger's open connection: its WebSocket, the OCPP-J messages on it, and their log."""

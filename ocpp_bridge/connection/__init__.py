"""A charger's open WebSocket: frames in, answers and calls out."""

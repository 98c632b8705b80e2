"""The bridge over a real socket, a real database and a real Valkey, with the simulator as the charger."""

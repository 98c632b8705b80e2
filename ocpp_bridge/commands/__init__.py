"""Commands from Redis to the charger that is connected here."""

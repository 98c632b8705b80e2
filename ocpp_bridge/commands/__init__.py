"""Stop requests and commands: from Redis to the chargers connected here, and their outcomes back."""

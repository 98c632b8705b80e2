"""What people ask of chargers: stop requests and commands."""

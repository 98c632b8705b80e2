"""Cards: all that accounts have, and those that chargers asked about and nobody has."""

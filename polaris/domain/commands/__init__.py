"""What can be asked of a charger: the catalog, the lifecycle of a command, its outcome in words."""

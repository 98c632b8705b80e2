"""Commands to chargers: the catalog, the lifecycle, the outcome in words."""

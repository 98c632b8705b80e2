"""The page that compares a charger's settings with another's, or with a baseline."""

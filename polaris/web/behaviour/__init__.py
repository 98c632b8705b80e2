"""The page that says what a charger is like."""

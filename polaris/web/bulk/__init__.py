"""One command for many chargers: its dry run, and what becomes of it. Operators only."""

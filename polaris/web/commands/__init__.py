"""The commands to a charger: their forms, and what became of them. Operators only."""

"""Commissioning of a charger: its runs, what it has said since one began, and what is asked of it meanwhile."""

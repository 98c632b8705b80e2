"""The fleet page: every charger and connector, for operators."""

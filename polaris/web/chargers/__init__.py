"""A charger's page, for operators."""

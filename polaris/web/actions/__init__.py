"""The forms of the catalog of verbs."""

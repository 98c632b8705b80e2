"""The commissioning of a charger, live, and its reports."""

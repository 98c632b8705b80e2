"""Tariffs: the versions of sites' prices, and new ones with a preview before they are saved."""

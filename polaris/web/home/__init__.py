"""The first page of a driver: what charges now, the last sessions, bars of energy and cost, and a site's chargers."""

"""Walls: the list of screens that show the fleet, and what opens one."""

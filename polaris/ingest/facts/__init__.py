"""The facts that chargers report, a module for each kind."""

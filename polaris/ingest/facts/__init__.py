"""What chargers report: one module for each kind of fact."""

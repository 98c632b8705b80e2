"""Sites: their facts, chargers and prices, and the labels with QR codes for their connectors."""

"""The page of a connector, at which a driver starts a session: the QR code at the bay leads here."""

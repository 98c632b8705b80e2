"""The account page: the reader's own account and its signed-in devices."""

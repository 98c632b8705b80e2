"""The page that an invitation's link opens: its holder sets a password, and has an account."""

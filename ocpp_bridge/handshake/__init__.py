"""Who may connect, and on which protocol."""

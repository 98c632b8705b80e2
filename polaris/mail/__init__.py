"""Mail that goes out: its delivery to a mail server."""

"""What keeps open pages right: state read from the database, rendered as fragments, pushed by one hub a process."""

"""The pages for who has forgotten a password: asking for a link, and what the link opens."""

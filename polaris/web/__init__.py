"""The web: one folder per page. Views are thin: each reads through its page's queries, or calls one verb."""

"""The lists that operators search, for pages and the command line alike: filters, pages by a key, bounded counts."""

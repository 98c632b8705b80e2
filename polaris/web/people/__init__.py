"""People: everybody who has an account, and all about one of them."""

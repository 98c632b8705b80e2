"""The page of what needs a person, and its count in the sidebar, for operators."""

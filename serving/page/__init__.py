"""The page for people, in the browser."""

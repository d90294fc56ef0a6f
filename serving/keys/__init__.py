"""API keys and sessions of the page, and the commands that create keys."""

"""Who may ask: keys, sessions, and the commands that make them."""

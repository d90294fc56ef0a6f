"""Past scores against what followed, what moved them, their inputs, and what to do about it."""

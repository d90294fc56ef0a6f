"""Every formula of a figure once, and its bootstrap interval; knows no model."""

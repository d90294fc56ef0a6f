"""The one path from a history to scores, and their forms as Arrow and JSON."""

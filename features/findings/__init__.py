"""What can be wrong with a history: numbered, mergeable, worded once."""

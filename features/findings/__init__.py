"""What can be wrong with a history: numbered codes, findings that merge, and problems in words."""

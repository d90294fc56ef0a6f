"""Where tables come from: files, folders, databases."""

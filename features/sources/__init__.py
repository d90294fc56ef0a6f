"""Sources of tables: folders of files, and databases."""

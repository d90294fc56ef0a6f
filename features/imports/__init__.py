"""Files and databases of any system become the tables of a history, as a map says."""

"""Random exports of a company, and one export in every format."""

"""One column of cells to one array of texts, numbers or times."""

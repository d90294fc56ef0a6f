"""A history larger than memory, split into partitions by account and lead."""

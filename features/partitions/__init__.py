"""A history larger than memory, split by lead and account."""

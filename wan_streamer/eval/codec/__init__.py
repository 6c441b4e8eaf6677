"""The held-out table of a codec: what its speech and pictures lose, beside what a user knows at the same bit rate."""

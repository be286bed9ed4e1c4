"""The largest numbers that a user may ask for."""

MOST_SHOTS = 10_000_000
"""Of one prediction: what a machine runs in one job."""

MOST_SEED = 2**31 - 10_000
"""Seeds derived from this one still fit the generators of all packages."""

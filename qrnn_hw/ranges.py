"""The largest numbers that a user may ask for."""

MOST_SHOTS = 10_000_000
"""Of one prediction: what a machine runs in one job."""

MOST_SEED = 2**31 - 10_000
"""Seeds derived from this one still fit the generators of all packages."""

MOST_SEEDS = 100
"""Of one training: models that are trained at once."""

MOST_STEPS = 1_000
MOST_ROWS = 100_000
"""Of a model: what still fits into memory; machines run far less in one job."""

MOST_WINDOW = 100_000
"""Of a series, and of the words of a text."""

MOST_SERIES = 100_000
"""Steps of a series that is made."""

MOST_UNROLLED = 10_000
"""Time steps of a circuit that is shown or written, as `circuits` unrolls them."""

MOST_EPOCHS = 100_000
MOST_SENTENCES = 10_000_000
MOST_REPEATS = 100_000
MOST_ROUNDS = 10_000
MOST_WORKERS = 1_000
MOST_LISTED = 1_000_000_000

MOST_SECONDS = 1e9
"""Of a budget, 30 years."""

MOST_REP_DELAY_MICROSECONDS = 1e6
"""A second between shots: no machine takes as much."""

MOST_HOURS = 24.0 * 365 * 100
"""A century: dates beyond it are none."""

MOST_LEARNING_RATE = 100.0
MOST_WEIGHT = 1e6
"""Of a term in a loss: single precision still holds its squares."""

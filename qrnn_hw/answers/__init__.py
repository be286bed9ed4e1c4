"""A trained model by itself: one file, and its answers to new rows."""

"""Labelled sentences and word vectors: what the package carries, and what the user brings."""

"""Trainable classifiers: a circuit of the registry with its encoding and its decision."""

"""Copies of a circuit side by side on one chip: which qubits, one schedule, one broadcast."""

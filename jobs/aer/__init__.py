"""Circuits on Aer: shots, exact distributions, recorded devices."""

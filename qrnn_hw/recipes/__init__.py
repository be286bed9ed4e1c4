"""Trainings of the registry by named recipes, published and ours."""

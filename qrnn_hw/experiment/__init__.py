"""Trainings and their runs on a machine: prepared, trained, planned, measured."""

"""The main job: sentences to a trained network, measured, mitigated and reported."""

"""The main job of models in expectation mode, whose steps are stored jobs."""

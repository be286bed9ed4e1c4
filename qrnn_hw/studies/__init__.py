"""Questions put to trained models, answered by many runs of one design."""

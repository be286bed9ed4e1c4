"""What a model can do at all, before any training."""

"""What can be said of a model by its name: facts, files, options."""

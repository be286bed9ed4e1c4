"""Training under the noise of a machine: one loop, its steps, what is kept of it."""

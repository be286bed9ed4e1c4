"""Training under the noise of a machine."""

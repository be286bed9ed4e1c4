"""Ideal evolution on pure states, differentiable."""

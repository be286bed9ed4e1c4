"""Exact evolution of dynamic circuits under noise, in the real Pauli basis, with gradients."""

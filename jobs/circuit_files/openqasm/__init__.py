"""OpenQASM text of either version as a circuit."""

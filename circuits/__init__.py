"""What is run and what it does exactly: architectures, circuits, exact noisy evolution."""

__distribution__ = "qrnn-hw"

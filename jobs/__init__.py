"""Getting circuits run and remembering it: transpile, preflight, estimate, execute, store."""

__distribution__ = "qrnn-hw"

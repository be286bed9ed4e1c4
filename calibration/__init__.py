"""Facts about a device: snapshot, noise, readout, drift."""

__distribution__ = "qrnn-hw"

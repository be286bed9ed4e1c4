"""The models of the sources and ours, each a frozen row of layers; found by name."""

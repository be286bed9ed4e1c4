"""How sure one can be of a shot-limited prediction: numpy and scipy only, no circuit, no job."""

"""Classical classifiers of equal size, to hold the quantum ones against."""

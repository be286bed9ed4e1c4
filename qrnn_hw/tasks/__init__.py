"""Six sequence tasks, and recurrent cores of equal size that are compared on them."""

"""IBM's Runtime service: what is sent to it, asked of it, and taken from it."""

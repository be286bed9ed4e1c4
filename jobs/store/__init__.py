"""The memory of all jobs, on disk."""

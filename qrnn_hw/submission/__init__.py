"""What is sent to a machine: checked, priced, followed, and read back."""

"""What a time step is made of: encoders, cells, feedback, controllers."""

"""A recurrent step for a machine: laid out, routed, scheduled, lifted with its noise."""

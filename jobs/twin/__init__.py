"""A machine for rehearsal: a recorded device with effects that its calibration does not report."""

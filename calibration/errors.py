"""What is wrong with a device description."""


class CalibrationError(ValueError):
    """A backend, snapshot or calibration that is unknown, incomplete or stale."""

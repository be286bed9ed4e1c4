"""What is wrong with a model, an input or a circuit that a caller asked for."""


class CircuitsError(ValueError):
    """A model, an input or a circuit that cannot be built or evolved; the message says the rule."""


class UnknownNameError(CircuitsError):
    """A name that is in no registry; the message lists the near ones."""

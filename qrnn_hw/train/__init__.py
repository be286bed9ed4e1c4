"""Training under the noise of a machine; called, it is the front door's `train`.

The room and the function of the front door share the name `qrnn_hw.train`: importing a module of
the room makes the name the room's, which therefore answers a call as the function does.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *given: Any, **named: Any) -> Any:
        """Train a model on data; see `qrnn_hw.front_door.train`."""
        return import_module("qrnn_hw.front_door").train(*given, **named)


sys.modules[__name__].__class__ = _Room

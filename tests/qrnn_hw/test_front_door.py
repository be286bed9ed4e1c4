"""A plan of a trained model keeps its circuits: what would change them is refused, not ignored."""

from types import SimpleNamespace

import pytest

from qrnn_hw.errors import UsageError
from qrnn_hw.front_door import Trained


@pytest.mark.parametrize("setting", ["tiles", "placement", "backend", "no_such"])
def test_a_plan_takes_no_setting_that_makes_other_circuits(setting):
    trained = Trained(model=None, prepared=SimpleNamespace())
    with pytest.raises(UsageError, match=rf"Got {setting}; what makes the circuits"):
        trained.plan(stacks=["none"], **{setting: 0})

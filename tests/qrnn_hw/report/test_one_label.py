"""A network that gives every row one label is told of, however many of them are right."""

import numpy as np

from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.experiment.quality import Judge
from qrnn_hw.report.run_findings import _one_label


def test_one_label_for_all_rows_is_told_of():
    wanted = np.array([0, 0, 0, 2])
    judge = Judge(Classes(("bad", "good", "so-so")), wanted, None, 1)
    (said,) = _one_label(judge, np.zeros(4, dtype=np.int64))
    assert said.startswith("All 4 rows get one label, 'bad'")
    assert _one_label(judge, wanted) == []
    alike = Judge(judge.target, wanted * 0, None, 1)
    assert _one_label(alike, np.zeros(4, dtype=np.int64)) == []
    numbers = Judge(Numbers(("x",)), wanted[:, None] * 1.0, None, 1)
    assert _one_label(numbers, np.zeros((4, 1))) == []

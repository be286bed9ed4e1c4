import json
import os

import pytest

from calibration.documents import parsed
from calibration.errors import CalibrationError
from calibration.files import read_snapshot, write_snapshot
from calibration.library import snapshot

SMALL = snapshot("fake_boston").restrict([0, 1])


def test_a_document_is_what_json_says():
    text = '{"a": [1, 2.5, null, true, "\\u00e4"], "b": {"c": -3}}'
    assert parsed(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[" * 101 + "]" * 101,
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        "9" * 5_000,
        "9" * 400,
        "1e999",
        "-1e999",
        "NaN",
        "[Infinity]",
        b"\xff\xfe",
        b"\x80",
    ],
)
def test_any_other_text_is_one_error(text):
    with pytest.raises(ValueError, match=r"."):
        parsed(text)


def test_a_snapshot_with_a_byte_order_mark_is_read(tmp_path):
    write_snapshot(SMALL, tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.json").read_bytes())
    assert read_snapshot(tmp_path / "b.json") == SMALL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dt_seconds", "4e-9"),
        ("dt_seconds", -4e-9),
        ("dt_seconds", [1]),
        ("qubits", [[1e-4, 1e-4], [True, None]]),
        ("qubits", [[1e-4, 1e-4]]),
        ("qubits", [[1e300, None], [None, None]]),
        ("timing", {"granularity": 1.5}),
        ("physical", [0, -1]),
        ("physical", [0, 1, 2]),
        ("instructions", [["x", [0, 5], None, None, None, None]]),
        ("instructions", [["x", [0, 0], None, None, None, None]]),
        ("instructions", [["x", [0], None, 1.5, None, None]]),
        ("instructions", [["measure", [0], None, 0.1, "0.1", None]]),
        ("instructions", [["x"]]),
        ("instructions", 3),
        ("rep_delay_seconds", None),
        ("rep_delay_range_seconds", [0, 1, 2]),
        ("rep_delay_range_seconds", [0, "a"]),
    ],
)
def test_a_field_of_another_kind_or_range_is_refused_with_its_file(tmp_path, name, value):
    path = tmp_path / "snapshot.json"
    path.write_text(json.dumps(SMALL.to_json() | {name: value}))
    with pytest.raises(CalibrationError, match=r"faulty field: .*snapshot\.json") as caught:
        read_snapshot(path)
    assert "\n" not in str(caught.value)


def test_a_pipe_is_no_snapshot(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(CalibrationError, match="no regular file"):
        read_snapshot(tmp_path / "pipe.json")

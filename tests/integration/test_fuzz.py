"""A slice of the fuzzer of files, and that the fuzzer sees what it looks for."""

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")  # and fork, which Windows has not

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "tests" / "benchmarks"
FAULTS = ("tracebacks", "hangs or aborts", "local files read", "escapes to the terminal")


@pytest.fixture
def fuzzer(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("fuzz")


def test_a_slice_of_damaged_files_end_in_one_line_each(tmp_path):
    output = tmp_path / "fuzz.json"
    program = [sys.executable, str(BENCHMARKS / "fuzz.py")]
    ended = subprocess.run(
        [*program, "--inputs", "160", "--seed", "7", "--output", str(output)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    found = {row["name"]: row["measured"] for row in json.loads(output.read_text())}
    assert found["inputs"] == 160
    assert [found[name] for name in FAULTS] == [0, 0, 0, 0], ended.stderr
    kinds = [name for name in found if name.startswith("kind ")]
    assert len(kinds) == 8
    assert all(found[kind] >= 10 for kind in kinds)


def test_the_fuzzer_sees_each_fault(fuzzer):
    from persistent_worker import Ended

    document = b'include "gates.inc"; leaked q;'
    seen = {
        "traceback": [Ended(1, "error: x"), Ended(2, "Traceback (most recent call last)")],
        "hang or abort": [Ended(None, "")],
        "local file read": [
            Ended(2, f"error: {fuzzer.SECRET}"),
            Ended(2, "error: /tmp/secret.inc:1,3: 'gate'"),
            Ended(2, "", opened=("/tmp/secret.inc",)),
            Ended(4, "error: leaked"),
        ],
        "escape": [Ended(2, f"error: {one}") for one in ("\x1b[2J", "\x9b2J", "\u202e", "\r")],
    }
    for fault, all_of in seen.items():
        for ended in all_of:
            assert fuzzer.faults_of(ended, document, is_built=True) == [fault]
    sound = Ended(2, "error: an include should be qelib1.inc. Got '/tmp/secret.inc'.\n\t┃ é", ())
    assert fuzzer.faults_of(sound, document, is_built=True) == []


def test_a_command_that_hangs_or_is_aborted_is_ended_and_the_next_one_runs(
    tmp_path, monkeypatch, fuzzer
):
    import persistent_worker

    monkeypatch.setattr(persistent_worker, "CPU_SECONDS", 0.2)

    def run(words):
        if words == ["hang"]:
            while True:
                pass
        if words == ["abort"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if words == ["fill"]:
            bytearray(2 * persistent_worker.BYTES_OF_MEMORY)
        print("ran", *words)
        return 0

    monkeypatch.setattr("qrnn_hw.cli.invoke", run)
    worker = persistent_worker.Worker(tmp_path, lambda as_users: None)
    try:
        for words in (["hang"], ["abort"]):
            assert worker.run(words).code is None
            ended = worker.run(["one"])
            assert (ended.code, ended.said) == (0, "ran one\n")
        ended = worker.run(["fill"])
        assert ended.code == 99
        assert "MemoryError" in ended.said
    finally:
        worker.close()

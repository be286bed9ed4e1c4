import subprocess
import sys

import pytest

from jobs.errors import StoreError
from jobs.store.lock import held

HOLD = """
import sys, time
from pathlib import Path
from jobs.store.lock import held
with held(Path(sys.argv[1]), "ab12"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_is_refused_while_another_process_holds_it_and_free_once_it_is_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), held(tmp_path, "ab99", wait=False):
            pass
        with held(tmp_path, "cd", wait=False):
            pass
    finally:
        holder.kill()
        holder.wait()
    with held(tmp_path, "ab99", wait=False):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["ab.lock", "cd.lock"]


def test_a_lock_is_free_after_an_error_of_its_holder(tmp_path):
    with pytest.raises(ZeroDivisionError), held(tmp_path, "ab"):
        raise ZeroDivisionError
    with held(tmp_path, "ab", wait=False):
        pass


def test_a_folder_of_locks_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    refused = pytest.raises(StoreError, match=r"folder of locks .* writable. Got .*file")
    with refused, held(tmp_path / "file", "ab"):
        pass

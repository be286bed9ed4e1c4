import json
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy

from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Cancelled, Done, Intended, Submitted
from jobs.store.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))


def spec(seed=0, shots=4):
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    return JobSpec((Pub.bound(circuit),), shots, "ibm", "ibm_boston", seed=seed)


def answer(shots=4):
    return (PubResult({"c": np.ones((1, shots, 1), np.uint8)}),)


@pytest.fixture
def store():
    with Store(store_path()) as opened:
        yield opened


def put(store, job, *states):
    store.put_spec(job)
    for state in states:
        store.set_state(job.key, state)
    return job.key


AT = "2026-01-01T00:00:00.000000+00:00"


def test_the_list_says_how_old_it_is(store, capsys):
    put(store, spec(0), Submitted(AT, "tag", "d0"))
    put(store, spec(1), Cancelled(AT, "On request."))
    assert invoke(["jobs", "list", "--json"]) == 0
    newest, oldest = json.loads(capsys.readouterr().out)["jobs"]
    assert (newest["state"], oldest["state"], oldest["id"]) == ("cancelled", "submitted", "d0")
    assert oldest["age_seconds"] > 24 * 3600
    assert invoke(["jobs", "list", "--state", "submitted"]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert "as of" in header
    assert " d ago" in line
    assert line.startswith(spec(0).key[:12])


def test_an_empty_store_is_an_empty_list(capsys):
    assert invoke(["jobs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"jobs": []}


def test_reading_commands_stay_offline(store, capsys, emulator):
    key = put(store, spec(), Submitted(AT, "tag", "d0"))
    for words in (["list"], ["show", key[:8]], ["show", "d0"]):
        assert invoke(["jobs", *words]) == 0
    assert emulator.log == []


def test_show_gives_history_and_notes(store, capsys):
    key = put(store, spec(), Intended(AT, "tag"), Submitted(AT, "tag", "d0"))
    store.add_note(key, "The service held this job 2 times: kept d0, cancelled d1.")
    store.put_estimate(key, 1.0, 2.0, 3.0)
    assert invoke(["jobs", "show", key[:12], "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["state"] for one in document["history"]] == ["intended", "submitted"]
    assert "kept d0" in document["notes"][0]["text"]
    assert document["estimate_seconds"] == [1.0, 2.0, 3.0]
    assert document["quantum_seconds"] is None
    assert invoke(["jobs", "show", key[:12]]) == 0
    assert "not known" in capsys.readouterr().out


def test_what_came_back_is_read_without_the_service(store, capsys):
    key = put(store, spec())
    store.put_raw(key, answer(), Done(AT, "d0"))
    assert invoke(["jobs", "fetch", key[:12], "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["circuits"] == [{"rows": [{"c": {"1": 4}}]}]
    assert invoke(["jobs", "fetch", key[:12]]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["0", "0", "c", "1", "4"]


def test_an_archive_holds_circuits_and_bits_and_replaces_nothing(store, capsys, tmp_path):
    key = put(store, spec())
    store.put_raw(key, answer(), Done(AT, "d0"))
    path = tmp_path / "deep" / "job.zip"
    assert invoke(["jobs", "export", key[:12], "--output", str(path)]) == 0
    capsys.readouterr()
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("job.json"))
        with archive.open("circuits/0.qpy") as file:
            (circuit,) = qpy.load(file)
        with np.load(archive.open("bits/0.npz"), allow_pickle=False) as bits:
            np.testing.assert_array_equal(bits["c"], answer()[0].registers["c"])
    assert document["key"] == key
    assert document["hashed"] == spec().hashed()
    assert circuit == spec().pubs[0].circuit
    before = path.read_bytes()
    assert invoke(["jobs", "export", key[:12], "--output", str(path)]) == 3
    assert "a new file" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_full_disk_leaves_no_part_of_an_archive(store, capsys, tmp_path):
    key = put(store, spec())
    path = tmp_path / "job.zip"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        assert invoke(["jobs", "export", key[:12], "--output", str(path)]) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir() if "job.zip" in one.name] == []
    assert invoke(["jobs", "export", key[:12], "--output", str(path)]) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "ffff"], 3, "fits 0 jobs"),
        (["fetch", ""], 3, "beginning of its key"),
        (["list", "--state", "finished"], 2, "cancelled"),
        (["cancel", "nothing"], 3, "fits 0 jobs"),
    ],
)
def test_bad_input_is_one_line_and_its_code(capsys, words, code, said):
    assert invoke(["jobs", *words]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_a_file_that_is_no_store_is_one_line(capsys):
    store_path().parent.mkdir(parents=True)
    store_path().write_bytes(b"something else entirely, and long enough" * 10)
    assert invoke(["jobs", "list"]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_ten_thousand_jobs_are_listed_without_loading_qiskit_or_numpy(store):
    key = put(store, spec(), Submitted(AT, "tag", "d0"))
    database = store._database
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO jobs (key, hashed, executor, backend, shots, created_at, state, "
            "state_fields) SELECT ?, hashed, executor, backend, shots, created_at, state, "
            "state_fields FROM jobs WHERE key = ?",
            [(f"{number:064x}", key) for number in range(9_999)],
        )
    code = (
        "import sys\n"
        "from qrnn_hw.cli import invoke\n"
        "for words in (['--limit', '0'], []):\n"
        "    assert invoke(['jobs', 'list', *words]) == 0\n"
        "print([m for m in ('qiskit', 'numpy', 'scipy') if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["[]"]
    assert done.stdout.count("submitted") == 10_000 + 50

import os
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from jobs.errors import StoreError
from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Cancelled, Done, Failed, Intended, Running, Submitted, now
from jobs.store.packing import pack_circuit, pack_results, unpack_circuit, unpack_results
from jobs.store.store import Store


def spec(shots=10, seed=1, rows=3):
    x = ParameterVector("x", 2)
    circuit = QuantumCircuit(1, 1)
    circuit.rz(x[0] + x[1], 0)
    circuit.measure(0, 0)
    values = np.random.default_rng(seed).normal(size=(rows, 2))
    bound = QuantumCircuit(1, 1)
    bound.measure(0, 0)
    pubs = (Pub(circuit, values), Pub.bound(bound), Pub(circuit, values[:1]))
    return JobSpec(pubs, shots, "ibm", "ibm_boston", options={"rep_delay": 2.5e-4})


def bits(seed=1, rows=3, shots=10):
    rng = np.random.default_rng(seed)
    return PubResult(
        {
            "c": rng.integers(0, 2, (rows, shots, 3), dtype=np.uint8),
            "a name with / and ü": rng.integers(0, 2, (rows, shots, 1), dtype=np.uint8),
        }
    )


def assert_same(left, right):
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert list(one.registers) == list(other.registers)
        for name in one.registers:
            np.testing.assert_array_equal(one.registers[name], other.registers[name])


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "new" / "jobs.db") as opened:
        yield opened


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 9), st.integers(0, 2**31))
def test_packed_bits_come_back(rows, shots, n_bits, seed):
    values = np.random.default_rng(seed).integers(0, 2, (rows, shots, n_bits), dtype=np.uint8)
    result = PubResult({"c": values, "d": 1 - values})
    assert_same(unpack_results(pack_results([result, PubResult({})])), [result, PubResult({})])


def test_a_job_comes_back_with_its_key_in_another_process(store, tmp_path):
    key = store.put_spec(spec())
    store.put_spec(spec())
    again = store.spec(key)
    assert again.key == key == spec().key
    for one, other in zip(again.pubs, spec().pubs, strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)
    script = (
        "import sys; from jobs.store.store import Store\n"
        "with Store(sys.argv[1]) as store: print(store.spec(sys.argv[2]).key)"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "new" / "jobs.db"), key],
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.strip() == key


def test_equal_circuits_are_stored_once(store, tmp_path):
    store.put_spec(spec(seed=1))
    store.put_spec(spec(seed=2))
    with sqlite3.connect(tmp_path / "new" / "jobs.db") as connection:
        assert connection.execute("SELECT count(*) FROM circuits").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM pubs").fetchone() == (6,)


def test_the_first_answer_stays(store):
    key = store.put_spec(spec())
    assert store.raw(key) is None
    store.put_raw(key, [bits(1)])
    store.put_raw(key, [bits(2)])
    assert_same(store.raw(key), [bits(1)])


def test_states_follow_each_other_and_done_is_the_end(store):
    key = store.put_spec(spec())
    assert store.state(key) is None
    history = [
        Intended(now(), "t"),
        Submitted(now(), "t", "d1"),
        Running(now(), "t", "d1"),
        Failed(now(), "why", "d1"),
        Intended(now(), "u"),
        Done(now(), "d2"),
    ]
    for state in history:
        store.set_state(key, state)
    store.set_state(key, Cancelled(now(), "late", "d2"))
    assert store.states(key) == tuple(history)
    assert store.state(key) == history[-1]


def test_the_list_is_newest_first_and_can_be_cut_and_filtered(store):
    keys = [store.put_spec(spec(shots=shots)) for shots in range(1, 6)]
    store.set_state(keys[1], Submitted(now(), "t", "d7"))
    store.set_state(keys[3], Done(now()))
    store.put_estimate(keys[4], 1.0, 2.0, 3.0)
    store.put_quantum_seconds(keys[4], 2.2)
    assert [job.key for job in store.jobs()] == keys[::-1]
    assert [job.key for job in store.jobs(limit=2)] == keys[:2:-1]
    assert [job.key for job in store.jobs(states=("submitted", "running"))] == [keys[1]]
    newest = store.jobs(limit=1)[0]
    assert newest.estimate_seconds == (1.0, 2.0, 3.0)
    assert newest.quantum_seconds == 2.2
    assert store.jobs()[1].estimate_seconds is None
    assert store.record(keys[4]) == newest
    assert store.record("none") is None
    assert store.charges() == ((2.0, 2.2),)


def test_a_job_is_named_by_the_beginning_of_its_key_or_its_id(store):
    key, other = store.put_spec(spec()), store.put_spec(spec(shots=11))
    store.set_state(key, Submitted(now(), "t", "d7"))
    assert store.resolve(key[:12]) == store.resolve("d7") == key
    assert store.resolve(other) == other
    for nothing in ("", "zzz", "%", "_"):
        with pytest.raises(StoreError, match="beginning of its key"):
            store.resolve(nothing)


def test_parts_notes_and_snapshots_come_back_in_order(store):
    whole, parts = spec(shots=30), [spec(shots=shots) for shots in (12, 10, 8)]
    store.put_parts(whole, parts)
    store.put_parts(whole, parts)
    assert store.parts(whole.key) == tuple(part.key for part in parts)
    assert store.parts(parts[0].key) == ()
    store.add_note(whole.key, "first")
    store.add_note(whole.key, "second")
    assert [text for _, text in store.notes(whole.key)] == ["first", "second"]
    store.put_snapshot("abc", {"dt": 4e-9})
    assert store.snapshot("abc") == {"dt": 4e-9}
    assert store.snapshot("abd") is None


def test_the_file_is_for_its_owner_only(store, tmp_path):
    store.put_spec(spec())
    folder = tmp_path / "new"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("content", [b"not a database at all" * 100, os.urandom(5000)])
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="should be an undamaged SQLite database"):
        Store(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_and_kept(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(StoreError, match="another program"):
        Store(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("songs",)]


def test_a_store_from_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "jobs.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"Got 99.*Upgrade"):
        Store(path)


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(StoreError, match="can be written"):
        Store(tmp_path)


def test_damaged_results_are_refused(store):
    packed = pack_results([bits()])
    for damaged in (packed[:-30], b"", b"PK\x03\x04" + packed[50:], packed[:200] + packed[210:]):
        with pytest.raises(StoreError, match="npz archive of packed bits"):
            unpack_results(damaged)


def test_circuits_in_old_or_broken_formats_are_refused():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    data = pack_circuit(circuit)
    assert unpack_circuit(data) == circuit
    with pytest.raises(StoreError, match=r"format 13 or newer.*Got 12"):
        unpack_circuit(data[:6] + bytes([12]) + data[7:])
    for broken in (b"", b"OPENQASM 3.0;", data[:40], data[:-5]):
        with pytest.raises(StoreError, match="should be"):
            unpack_circuit(broken)


WRITER = """
import sys
from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Done, Intended, Running, Submitted, now
from jobs.store.store import Store
from qiskit import QuantumCircuit
import numpy as np
circuit = QuantumCircuit(1, 1)
circuit.measure(0, 0)
writer = int(sys.argv[2])
with Store(sys.argv[1]) as store:
    for index in range(50):
        # One in five jobs is the same for all writers.
        seed = index if index % 5 == 0 else 1000 * (writer + 1) + index
        spec = JobSpec((Pub.bound(circuit),), 8, "ibm", "b", seed=seed)
        key = store.put_spec(spec)
        store.set_state(key, Intended(now(), "t"))
        store.set_state(key, Submitted(now(), "t", str(seed)))
        store.set_state(key, Running(now(), "t", str(seed)))
        bit = np.full((1, 8, 1), seed % 2, np.uint8)
        store.put_raw(key, [PubResult({"c": bit})])
        store.set_state(key, Done(now(), str(seed)))
"""


def test_four_processes_share_a_new_file_and_nothing_is_lost(tmp_path):
    path = tmp_path / "jobs.db"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(writer)], stderr=subprocess.PIPE
        )
        for writer in range(4)
    ]
    for writer in writers:
        assert writer.communicate(timeout=120)[1] == b""
        assert writer.returncode == 0
    with Store(path) as store:
        records = store.jobs(limit=None)
        assert len(records) == 4 * 40 + 10
        for record in records:
            assert isinstance(record.state, Done)
            (result,) = store.raw(record.key)
            assert (result.registers["c"] == int(record.state.id) % 2).all()


def test_ten_thousand_jobs_are_listed(tmp_path):
    path = tmp_path / "jobs.db"
    Store(path).close()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    stamp = start.isoformat()
    fields = f'{{"at": "{stamp}", "id": "d1"}}'
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO jobs (key, hashed, executor, backend, shots, created_at, state, "
            "state_fields) VALUES (?, '{}', 'ibm', 'b', 1, ?, 'done', ?)",
            [
                (f"{index:064x}", (start + timedelta(seconds=index)).isoformat(), fields)
                for index in range(10_000)
            ],
        )
    with Store(path) as store:
        records = store.jobs(limit=None)
    assert len(records) == 10_000
    assert records[0].key == f"{9_999:064x}"


def test_charges_of_an_older_store_are_taken_over(tmp_path):
    """As version 2 wrote it: one job that failed and was sent again, one that ran here."""
    path = tmp_path / "jobs.db"
    with Store(path) as store:
        key, here = store.put_spec(spec()), store.put_spec(spec(shots=11))
        for state in (Failed(now(), "why", "d1"), Submitted(now(), "t", "d2"), Done(now(), "d2")):
            store.set_state(key, state)
        store.put_quantum_seconds(key, 2.5)
        store.set_state(here, Done(now()))
    with sqlite3.connect(path) as old:
        for table in ("charges", "requests", "posts"):
            old.execute(f"DROP TABLE {table}")
        for column in ("limit_seconds", "instance"):
            old.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        old.execute("PRAGMA user_version = 2")
    with Store(path) as store:
        charges = {one.id: one.seconds for one in store.ledger.charges(key)}
        assert charges == {"d2": 2.5, "d1": None}
        assert store.ledger.charges(here) == ()
        assert store.record(key).quantum_seconds == 2.5
        assert store.ledger.limit_seconds(key) is None

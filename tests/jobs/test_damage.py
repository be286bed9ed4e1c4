"""A damaged row is named in one line, whatever is wrong with it."""

import sqlite3

import numpy as np
import pytest
from qiskit import QuantumCircuit

from jobs.errors import StoreError
from jobs.executor import ServiceMetrics
from jobs.service.retrieval import collect
from jobs.spec import JobSpec, Pub, PubResult
from jobs.states import Done, Submitted, now
from jobs.store.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs.sqlite3"


@pytest.fixture
def key(path):
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    spec = JobSpec((Pub.bound(circuit),), 8, "ibm", "ibm_boston")
    with Store(path) as store:
        store.put_spec(spec)
        store.set_state(spec.key, Submitted(now(), "t", "d1"))
        store.put_snapshot("abc", {"dt": 4e-9})
        bits = PubResult({"c": np.zeros((1, 8, 1), np.uint8)})
        store.put_raw(spec.key, [bits], Done(now(), "d1"))
    return spec.key


def damage(path, table, column, value):
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))


READERS = {
    "spec": lambda store, key: store.spec(key),
    "state": lambda store, key: store.state(key),
    "states": lambda store, key: store.states(key),
    "list": lambda store, key: store.jobs(),
    "record": lambda store, key: store.record(key),
    "raw": lambda store, key: store.raw(key),
    "end": lambda store, key: store.finished_at(key),
    "snapshot": lambda store, key: store.snapshot("abc"),
}
NO_JSON = ("", "{", "null", "3", "[]", '["at"]', '{"at": 3}', '{"at": "yesterday"}', "\x00")
CASES = [
    *(("jobs", "hashed", value, ("spec",)) for value in (*NO_JSON, '{"pubs": []}', '{"pubs": 1}')),
    *(("jobs", "state_fields", value, ("state", "list", "record")) for value in NO_JSON),
    *(("states", "fields", value, ("states",)) for value in NO_JSON),
    ("jobs", "state", "asleep", ("state", "list")),
    ("jobs", "created_at", "x", ("list", "record")),
    ("jobs", "created_at", "2026-01-01", ("list", "record")),
    *(("jobs", "finished_at", value, ("end",)) for value in ("", "x", "2026-01-01T09:00:00")),
    *(("snapshots", "content", value, ("snapshot",)) for value in ("", "{", "3")),
    *(("results", "packed", value, ("raw",)) for value in (b"", b"PK\x03\x04", b"x" * 99)),
    *(("circuits", "qpy", value, ("spec",)) for value in (b"", b"QISKIT\x0d", b"QISKIT!" * 9)),
    *(("pubs", "parameters", value, ("spec",)) for value in (b"1", b"12345678")),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "value", "readers"), CASES)
def test_a_damaged_row_is_named_with_the_remedy(path, key, table, column, value, readers):
    damage(path, table, column, value)
    with Store(path) as store:
        for reader in readers:
            with pytest.raises(StoreError, match=rf"row .* of table {table} in ") as caught:
                READERS[reader](store, key)
            assert "\n" not in str(caught.value)
            assert "QRNN_HW_HOME" in str(caught.value)


def test_a_missing_circuit_is_a_damaged_job(path, key):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM pubs")
    with Store(path) as store, pytest.raises(StoreError, match="0 of its 1 circuits"):
        store.spec(key)


def test_damage_to_one_job_leaves_the_names_of_the_others(path, key):
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    other = JobSpec((Pub.bound(circuit),), 9, "ibm", "ibm_boston")
    damage(path, "states", "fields", "{")
    damage(path, "jobs", "state_fields", "{")
    with Store(path) as store:
        store.put_spec(other)
        store.set_state(other.key, Submitted(now(), "t", "d2"))
        assert store.resolve("d2") == other.key


def test_a_damaged_state_is_overwritten_by_the_next(path, key):
    damage(path, "jobs", "state", "submitted")
    damage(path, "jobs", "state_fields", "{")
    with Store(path) as store:
        store.set_state(key, Submitted(now(), "t", "d1"))
        assert store.state(key).id == "d1"


class Service:
    """Has the bits of every job."""

    def at(self, instance):
        return self

    def answer(self, job_id):
        return f"ones of {job_id}"

    def read(self, text, spec):
        assert text.startswith("ones of ")
        return (PubResult({"c": np.ones((1, spec.shots, 1), np.uint8)}),)

    def metrics(self, job_id):
        return ServiceMetrics(2.0)


def test_bits_that_were_deleted_are_taken_again(path, key):
    from jobs.errors import PendingError
    from jobs.service.retrieval import refresh

    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM results")
    with Store(path) as store:
        with pytest.raises(PendingError, match="Fetch it again"):
            collect(key, store)
        refresh(key, Service(), store)
        (result,) = collect(key, store)
        assert result.registers["c"].all()


def test_a_store_that_is_held_says_how_to_use_another(path, key, monkeypatch):
    monkeypatch.setattr("jobs.store.database.BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    with Store(path) as store:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StoreError, match=r"be free within.*process that holds it.*QRNN_HW_HOME"
        ):
            store.add_note(key, "late")
    holder.execute("ROLLBACK")
    holder.close()


def test_what_only_reads_does_not_wait_for_who_writes(path, key, monkeypatch):
    monkeypatch.setattr("jobs.store.database.BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Store(path) as store:
        assert [record.key for record in store.jobs()] == [key]
    holder.execute("ROLLBACK")
    holder.close()


def test_damaged_pages_are_one_line(path, key):
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    path.write_bytes(content)

    def read():
        with Store(path) as store:
            return store.jobs(), store.spec(key)

    with pytest.raises(StoreError, match=r"undamaged SQLite database.*QRNN_HW_HOME"):
        read()

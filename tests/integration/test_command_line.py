"""The command as a black box: what a user types, reads and gets as exit code."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.errors import SpecError
from qrnn_hw.cli import invoke

ZNE = "linear(1,3) + terminal"
COMMAND = [sys.executable, "-c", "from qrnn_hw.cli import main; main()"]


def run(*arguments, cwd, home=None, timeout=300):
    environment = {**os.environ, "QRNN_HW_HOME": str(home or cwd / "home"), "NO_COLOR": "1"}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


QUICK = (
    "run",
    "--dataset",
    "amazon",
    "--sentences",
    12,
    "--shots",
    900,
    "--epochs",
    2,
    "--json",
    "--output",
    "runs/latest",
)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick")
    return folder, run(*QUICK, cwd=folder)


@pytest.fixture
def in_turn(quick, typed):
    """Return the folder of a run as those of before were: a job for each scale factor."""
    words = ["--repetitions", "1", "--canaries", "0", "--output", "runs/in-turn"]
    code, _, err = typed(*QUICK, *words)
    assert code == 0, err
    return quick[0] / "runs/in-turn"


@pytest.fixture
def typed(quick, monkeypatch, capsys):
    """Return what types a command in the folder of the quick run, without a process of its own."""
    monkeypatch.chdir(quick[0])
    monkeypatch.setenv("QRNN_HW_HOME", str(quick[0] / "home"))

    def command(*arguments):
        code = invoke([*map(str, arguments)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return command


def test_the_main_job_prints_one_document(quick):
    folder, done = quick
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema_version"] == 2
    for stack in ("ideal", "none", "terminal", "linear(1,3) + terminal"):
        row = document["accuracy"][stack]
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
        assert row["n"] == 12
    assert document["agreement"]["exact_vs_aer"] <= 1e-12
    assert document["qpu_seconds"] > 2
    assert document["model"] == "dynamic-line"
    assert document["dataset"] == "amazon"
    assert document["backend"] == "fake_boston"
    assert document["shots"] == 900
    assert document["versions"]["qiskit"]
    mitiq = document["versions"].get("mitiq")  # missing on Python 3.13 and newer
    by = f"mitiq {mitiq}" if mitiq else f"qrnn-hw {document['versions']['qrnn-hw']}"
    assert document["extrapolated_by"] == by
    report = (quick[0] / document["report"]).read_text()
    assert "extrapolated by" in report
    assert by in report
    assert (folder / document["report"]).is_file()


def test_the_report_is_self_contained(quick):
    folder, done = quick
    page = (folder / json.loads(done.stdout)["report"]).read_text()
    assert "<script" not in page
    assert "default-src 'none'" in page
    outside = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!#)(\w+:[^\"')]*)", page)
    assert outside == []
    assert page.count("<svg") >= 5
    for word in ("95 % interval", "fake_boston", "QPU seconds", "qiskit", "seeds"):
        assert word in page


def test_running_again_reads_the_store_and_gives_the_same_numbers(quick, typed):
    code, out, err = typed(*QUICK)
    assert code == 0, err
    assert json.loads(out) == json.loads(quick[1].stdout)


def test_stored_bits_give_the_accuracies_of_the_run_again(quick, typed):
    document = json.loads(quick[1].stdout)
    code, out, err = typed("mitigate", "--run", "runs/latest", "--json")
    assert code == 0, err
    found = json.loads(out)
    for stack in ("ideal", "none", "terminal", "linear(1,3) + terminal"):
        assert found["stacks"][stack]["accuracy"] == document["accuracy"][stack]
    assert found["shots"] == 900
    assert 0 < found["stacks"]["none"]["score_error"] < found["stacks"][ZNE]["score_error"]


@pytest.mark.slow
def test_plans_choose_stacks_and_say_what_the_noise_is(quick):
    folder, done = quick
    jobs = json.loads(done.stdout)["jobs"]
    auto = run("mitigate", "--plan", "auto", "--explain", "--json", cwd=folder)
    assert auto.returncode == 0, auto.stderr
    assert "fitting the level of the noise" in auto.stderr
    found = json.loads(auto.stdout)
    assert found["noise_level"]["low"] < 1 < found["noise_level"]["high"]
    assert found["stack"] in ("none", "terminal", "linear(1,3)", "linear(1,3) + terminal")
    assert found["stack"] in found["stacks"]
    names = {one["stack"] for one in found["plan"]["forecasts"]}
    assert {"none", "richardson(1,3,5) + relabel (sampled 32) + terminal"} <= names
    # Its jobs give the bits' own values, with intervals.
    values = run(
        "mitigate", jobs[1], jobs[2], "--plan", "linear(1,3) + terminal", "--readout", jobs[0],
        "--json", cwd=folder,
    )  # fmt: skip
    assert values.returncode == 0, values.stderr
    document = json.loads(values.stdout)
    assert len({(one["circuit"], one["row"]) for one in document["values"]}) == 12
    for one in document["values"]:
        assert one["mitigated"]["low"] < one["mitigated"]["value"] < one["mitigated"]["high"]


def short_sentences(path):
    """Write sentences of one and two words that have vectors, ten and more of each class."""
    good, bad = ("great", "excellent", "love", "nice"), ("terrible", "awful", "waste", "broken")
    things = ("sound", "case", "price", "phone", "")
    rows = [(n, f"{word} {thing}") for n, words in ((1, good), (0, bad)) for word in words
            for thing in things]  # fmt: skip
    path.write_text("label\ttext\n" + "".join(f"{n}\t{text}\n" for n, text in rows))


def test_any_stack_reaches_the_main_job_and_is_recomputed_to_the_last_digit(typed, tmp_path):
    short_sentences(tmp_path / "short.tsv")
    first_order = "relabel (first order) + terminal"
    plans = (first_order, f"linear(1,3) + {first_order}", "twirl 2")
    words = [word for plan in plans for word in ("--plan", plan)]
    folder = tmp_path / "plans"
    main = ["run", "--data", tmp_path / "short.tsv", "--shots", 900, "--epochs", 1]
    code, out, err = typed(*main, "--sentences", 4, *words, "--output", folder, "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["stacks"] == list(plans)
    assert document["shots"] == 900
    assert set(document["accuracy"]) == {"ideal", "noisy_exact", *plans}
    assert len(document["roles"]) == len(document["jobs"]) == len(set(document["roles"]))

    def mitigated(*more):
        code, out, err = typed("mitigate", "--run", folder, "--json", *more)
        assert code == 0, err
        return json.loads(out)["stacks"]

    found = mitigated()
    assert set(found) == {"ideal", *plans}
    for name in ("ideal", *plans):
        assert found[name]["accuracy"] == document["accuracy"][name]
    assert {found[name]["shots"] for name in plans} == {900}
    # What has run is named by what it is for, not by where it stands in a list.
    path = folder / "result.json"
    turned = {name: document[name][::-1] for name in ("jobs", "roles")}
    path.write_text(json.dumps(document | turned))
    assert mitigated() == found
    # A stack of the same circuits comes free, with the shots that those have (a fifth of all went
    # to the readout); one of other circuits is refused.
    free = first_order.partition(" +")[0]
    assert 720 <= mitigated("--plan", free)[free]["shots"] <= 740  # whole repetitions
    code, _, err = typed("mitigate", "--run", folder, "--plan", "richardson(1,3,5)")
    assert code == 2
    assert "needs circuits that it did not run" in err

    def answered():
        words = ("--text", "great sound", "--text", "awful case", "--json")
        code, out, err = typed("predict", folder, *words)
        return code, json.loads(out) if code == 0 else err

    first = answered()
    assert first[0] == 0
    content = (tmp_path / "short.tsv").read_text()
    (tmp_path / "short.tsv").write_text(content + "1\tbetter sound\n")
    assert answered() == first  # the run keeps its model, whatever becomes of its data
    (folder / "model.qrnn").write_bytes(b"PK damaged")
    code, err = answered()
    assert code == 3
    assert "with other data: put that back to go on" in err
    (tmp_path / "short.tsv").write_text(content)
    assert answered() == first


def test_a_job_of_other_circuits_is_not_taken_for_the_runs(in_turn, typed):
    path = in_turn / "result.json"
    whole = path.read_text()
    document = json.loads(whole)
    readout, first, second = document["jobs"]
    try:
        for jobs, code, words in (
            ([readout, second, first], 3, "ran others"),
            ([first, readout, second], 3, "ran others"),
            ([readout, first, first], 3, "ran others"),
            ([readout, first], 3, "should be for"),
        ):
            path.write_text(json.dumps(document | {"jobs": jobs}))
            found, _, err = typed("mitigate", "--run", "runs/in-turn")
            assert (found, words in err) == (code, True), err
        # Documents of before have no roles: their three jobs stand in this order.
        old = {k: v for k, v in document.items() if k not in ("roles", "stacks")}
        for name in ("plans", "repetitions", "canaries"):
            del old["settings"][name]
        path.write_text(json.dumps(old))
        found, out, err = typed("mitigate", "--run", "runs/in-turn", "--json")
        assert found == 0, err
        assert json.loads(out)["stacks"][ZNE]["accuracy"] == document["accuracy"][ZNE]
    finally:
        path.write_text(whole)


def test_a_run_whose_bits_are_not_in_the_store_is_one_line(typed, tmp_path, monkeypatch):
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path))
    for place, words in (("runs/latest", "the store should hold"), ("no-run", "result.json")):
        code, _, err = typed("mitigate", "--run", place)
        assert code == 3
        assert words in err


def test_a_killed_training_goes_on_to_the_same_numbers(tmp_path, quick, typed, monkeypatch):
    reference = json.loads(quick[1].stdout)["training"]["history"]
    home = quick[0] / "home"
    environment = {**os.environ, "QRNN_HW_HOME": str(home)}
    process = subprocess.Popen(
        [*COMMAND, *map(str, QUICK)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoint = tmp_path / "runs/latest/checkpoint.npz"
    deadline = time.monotonic() + 200
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert checkpoint.exists()
    monkeypatch.chdir(tmp_path)
    code, out, err = typed(*QUICK)
    assert code == 0, err
    assert "resuming after epoch" in err
    assert json.loads(out)["training"]["history"] == reference


def error_line(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = [line for line in captured.err.splitlines() if line.startswith("error:")]
    return line


def test_a_real_process_ends_with_the_code_and_no_traceback(tmp_path):
    done = run("run", "--backend", "fake_bosten", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean fake_boston" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


WRONG = [
    (("--model", "dynamic-lin"), 2, "did you mean dynamic-line"),
    (("--backend", "fake_bosten"), 2, "did you mean fake_boston"),
    (("--backend", "my_machine"), 2, "recorded device"),
    (("--dataset", "amazn"), 2, "amazon"),
    (("--shots", "0"), 2, "at least 1. Got 0"),
    (("--shots", "-5"), 2, "at least 1. Got -5"),
    (("--shots", "many"), 2, "--shots"),
    (("--engine", "exakt"), 2, "exact, aer"),
    (("--epochs", "0"), 2, "epochs should be at least 1"),
    (("--seed", "-1"), 2, "seed should be at least 0"),
    (("--learning-rate", "nan"), 2, "--learning-rate should be a number. Got nan"),
    (("--data", "missing.tsv"), 3, "missing.tsv"),
    (("--embeddings", "missing.txt"), 3, "missing.txt"),
    (("--seed", str(2**40)), 2, "seed should be at most"),
    (("--shots", str(10**30)), 2, "shots should be at most 10,000,000"),
    (("--decoupling", "udd"), 2, "one of xx, xy4. Got 'udd'"),
    (("--budget", "nan"), 2, "--budget should be a number. Got nan"),
    (("--backend", "fake_armonk", "--epochs", "1"), 2, "needs 4 qubits"),
    (("--output", "/proc/nowhere"), 3, "a folder that can be written to"),
    (("--no-such-option",), 2, "no-such-option"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG)
def test_bad_input_is_one_line_and_its_code(arguments, code, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert invoke(["run", *arguments]) == code
    assert words in error_line(capsys)
    assert list(tmp_path.iterdir()) == []


def test_decoupling_reaches_the_transpiler(tmp_path, monkeypatch, capsys):
    asked = []

    def stop(*arguments, **options):
        asked.append(options["decoupling"])
        raise SpecError("stopped here")

    monkeypatch.setattr("jobs.transpile.isa.transpile_step", stop)
    words = ["run", "--dataset", "amazon", "--output", str(tmp_path / "out")]
    assert invoke([*words, "--decoupling", "xy4"]) == 2
    assert invoke(words) == 2
    assert asked == ["xy4", None]


FILES = [
    (b"", "empty"),
    (b"\x00\x01\x02binary\xff", "text"),
    (b"label\ttext\n", "row"),
    (b"tag\tsentence\n1\tgood\n", "label"),
    (b"label\ttext\n1\tgood\n1\n", "line 3"),
    (b"label\ttext\n" + b"1\tgood thing\n" * 30, "class"),
]


@pytest.mark.parametrize(("content", "words"), FILES)
def test_unusable_data_files_are_one_line(content, words, tmp_path, capsys):
    path = tmp_path / "mine.tsv"
    path.write_bytes(content)
    assert invoke(["run", "--data", str(path)]) == 3
    line = error_line(capsys)
    assert "mine.tsv" in line
    assert words in line


def test_a_checkpoint_of_another_run_is_kept_and_named(tmp_path, quick, capsys):
    output = tmp_path / "kept"
    output.mkdir()
    before = (quick[0] / "runs/latest/checkpoint.npz").read_bytes()
    (output / "checkpoint.npz").write_bytes(before)
    assert invoke(["run", "--dataset", "imdb", "--output", str(output)]) == 3
    assert "checkpoint of the same run" in error_line(capsys)
    assert (output / "checkpoint.npz").read_bytes() == before


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys; from qrnn_hw.cli import invoke; invoke(['--help']);"
        "print([m for m in ('qiskit', 'jax', 'scipy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "run" in done.stdout


def test_foreign_packages_of_our_names_are_refused(tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import qrnn_hw"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "the package 'jobs' should be the one installed with qrnn-hw" in done.stderr
    assert str(Path("jobs") / "__init__.py") in done.stderr

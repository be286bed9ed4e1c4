"""The scikit-learn classifier: its contract, and that it learns from the order of steps."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refused_cell import CELL
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import circuits
import qrnn_hw as qh
from circuits.errors import CircuitsError, UnknownNameError
from jobs.errors import BudgetError, PreflightError
from jobs.store.store import Store
from qrnn_hw.cli import invoke
from qrnn_hw.config import store_path
from qrnn_hw.data.target import Classes, Numbers
from qrnn_hw.errors import ConfigurationError, UsageError
from qrnn_hw.estimator import QRNNClassifier, QRNNRegressor
from qrnn_hw.lbfgs import CHUNK, Engine, Known, compiled, initial
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.recorded import from_results
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.statistics.certificates import MACHINE


@pytest.mark.parametrize(
    "estimator",
    [
        QRNNClassifier(max_iter=15),
        pytest.param(QRNNRegressor(max_iter=15), marks=pytest.mark.slow),
    ],
)
def test_they_keep_scikit_learns_contract(estimator):
    check_estimator(estimator)


def ordered(n, seed):
    """Two steps of one feature: class 1 where the first is the larger; the sum says nothing."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 2))
    return rows, np.where(rows[:, 0] > rows[:, 1], "falls", "rises")


def test_it_learns_an_order_in_a_pipeline_and_a_search():
    rows, labels = ordered(120, 0)
    pipeline = make_pipeline(
        StandardScaler(), QRNNClassifier(n_steps=2, max_iter=30, random_state=0)
    )
    search = GridSearchCV(pipeline, {"qrnnclassifier__alpha": [1e-3, 10.0]}, cv=2)
    search.fit(rows, labels)
    assert search.best_params_ == {"qrnnclassifier__alpha": 1e-3}
    held, expected = ordered(200, 1)
    assert search.score(held, expected) > 0.9


@pytest.mark.parametrize(
    ("model", "target", "steps"),
    [
        ("dynamic-line", Classes(("a", "b")), None),
        ("dynamic-line", Numbers(("a", "b")), StepReadings(2)),
        ("hybrid", Classes(("a", "b", "c")), None),
    ],
)
def test_its_gradient_is_the_slope_of_its_loss(model, target, steps):
    options = {"n_qubits": 2, "n_layers": 1, "n_bits": 1} if model == "hybrid" else {}
    known = Known.of(circuits.architecture(model, mode="sampled", **options))
    engine = compiled(known, None, target, steps)
    start = initial(engine.network, 3, np.random.RandomState(3))
    rng = np.random.default_rng(3)
    inputs, targets = rng.normal(size=(130, 2, 3)), rng.integers(0, 2, 130)
    if isinstance(target, Numbers):
        targets = rng.normal(size=(130, 2))
    _, gradient = engine.loss(start, inputs, targets)
    moves = {name: rng.normal(size=value.shape) for name, value in start.items()}
    # A hybrid goes through its controller here, too.
    assert ("out" in moves) == (model == "hybrid")

    def at(distance):
        moved = {name: value + distance * moves[name] for name, value in start.items()}
        return engine.loss(moved, inputs, targets)[0]

    slope = (at(1e-6) - at(-1e-6)) / 2e-6
    expected = sum(float((gradient[name] * move).sum()) for name, move in moves.items())
    assert slope == pytest.approx(expected, abs=1e-7)


def test_the_circuit_is_traced_once_for_rows_of_every_width():
    network = network_of(circuits.architecture("dynamic-line"), 0)
    traced = []

    def reader(weights, features, lengths):
        traced.append(features.shape)
        return network.ideal(weights, features, lengths)

    engine, rng = Engine(network, reader), np.random.default_rng(0)
    for width in (1, 3):
        inputs, start = rng.normal(size=(5, 2, width)), initial(network, width, rng)
        _, slopes = engine.loss(start, inputs, np.arange(5) % 2)
        assert slopes["projection"].shape == (width, 4)
    assert traced == [(CHUNK, 2, 4)]


def test_a_hybrid_is_fitted_with_its_controller_and_pickled():
    rows, labels = ordered(12, 0)
    options = {"mode": "sampled", "n_qubits": 2, "n_layers": 1, "n_bits": 1}
    fitted = QRNNClassifier(
        "hybrid", model_options=options, n_steps=2, max_iter=2, random_state=0
    ).fit(rows, labels)
    assert fitted.projection_.shape == (1, 4)
    assert fitted.controller_["in"].shape == (4 + 1, 16)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(rows), fitted.predict_proba(rows))
    with pytest.raises(ConfigurationError, match="weights of its controller. Got a pickle"):
        pickled_before(fitted).predict(rows)


def pickled_before(fitted):
    """Return an estimator as commit 2b9fe54 pickled it: a score for each class, fewer settings."""
    news = ("reading", "degree", "controller_", "low_", "high_", "direct_")
    state = {name: one for name, one in fitted.__getstate__().items() if name not in news}
    second = np.random.default_rng(1).normal(size=fitted.scores_.shape)
    before = QRNNClassifier.__new__(QRNNClassifier)
    before.__setstate__(state | {"scores_": np.hstack([second, second + fitted.scores_])})
    return before


def test_a_classifier_that_was_pickled_before_answers_as_it_did(tmp_path):
    rows, labels = ordered(12, 0)
    fitted = QRNNClassifier(n_steps=2, max_iter=3, random_state=0).fit(rows, labels)
    assert fitted.controller_ == {}
    before = pickled_before(fitted)
    assert before.get_params() == fitted.get_params()
    np.testing.assert_allclose(before.predict_proba(rows), fitted.predict_proba(rows), atol=1e-14)
    with pytest.raises(NotFittedError, match="pickled when the range of its inputs was not kept"):
        before.save(tmp_path / "model.qrnn")


def test_options_choose_the_model_and_rows_of_zeros_do_no_harm():
    model, options = "v1", {"mode": "sampled"}  # it encodes the direction of its features
    rows = np.random.default_rng(3).normal(size=(12, 4))
    rows[0] = 0
    labels = np.arange(12) % 2
    fitted = QRNNClassifier(
        model, model_options=options, n_steps=2, max_iter=3, random_state=0
    ).fit(rows, labels)
    assert np.isfinite(fitted.loss_)
    assert fitted.n_iter_ > 1
    assert len(fitted.offset_) == circuits.architecture(model, **options).n_features
    np.testing.assert_allclose(fitted.predict_proba(rows).sum(1), 1)


@pytest.mark.parametrize("layers", [1.0, True])
def test_a_value_that_equals_a_compiled_one_is_refused_all_the_same(layers):
    one = QRNNClassifier("hybrid", model_options={"mode": "sampled", "n_layers": 1})
    one.classes_ = np.array([0, 1])
    assert one._engine is one.set_params(n_steps=2)._engine
    other = QRNNClassifier("hybrid", model_options={"mode": "sampled", "n_layers": layers})
    with pytest.raises(CircuitsError, match=rf"option n_layers of hybrid .*Got {layers}"):
        other.fit(*ordered(10, 0))


def memory(n, seed):
    """Three steps of two numbers, of which the first one decides."""
    rows = np.random.default_rng(seed).normal(size=(n, 6))
    return rows, rows[:, 0]


def test_a_regressor_reads_every_step_and_answers_in_the_units_of_y():
    rows, first = memory(150, 0)
    given = {"n_steps": 3, "max_iter": 40, "random_state": 0}
    held, expected = memory(100, 1)
    one = QRNNRegressor(reading="steps", **given).fit(rows, 1000 + 20 * first)
    assert one.predict(held).shape == (100,)
    assert one.score(held, 1000 + 20 * expected) > 0.9
    assert one.scores_.shape == (1 + 3 * 3 + 3, 1)
    again = pickle.loads(pickle.dumps(clone(one).fit(rows, 1000 + 20 * first)))
    np.testing.assert_array_equal(again.predict(held), one.predict(held))


NAMES = np.array(["low", "middle", "high"])


def test_classes_of_any_number_and_name_are_learnt_from_frames():
    rows, first = memory(150, 2)
    frame = pd.DataFrame(rows, columns=[f"x{i}" for i in range(6)])
    best = QRNNClassifier(n_steps=3, reading="steps", max_iter=30, random_state=0)
    best.fit(frame, NAMES[np.digitize(first, [-0.5, 0.5])])
    held, numbers = memory(100, 3)
    expected = NAMES[np.digitize(numbers, [-0.5, 0.5])]
    assert best.feature_names_in_.tolist() == frame.columns.tolist()
    assert best.score(pd.DataFrame(held, columns=frame.columns), expected) > 0.85
    assert best.decision_function(frame).shape == (150, 3)
    np.testing.assert_allclose(best.predict_proba(frame).sum(axis=1), 1)
    polars = pytest.importorskip("polars")
    read = polars.DataFrame(rows, schema=frame.columns.tolist())
    np.testing.assert_array_equal(best.predict(read), best.predict(frame))


@pytest.mark.slow
def test_a_search_in_two_processes_finds_what_one_finds():
    rows, first = memory(60, 4)
    given = {"n_steps": 3, "reading": "steps", "max_iter": 10, "random_state": 0}
    found = [
        GridSearchCV(QRNNRegressor(**given), {"degree": [1, 2]}, cv=2, n_jobs=n_jobs)
        .fit(rows, first)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_what_it_cannot_use_is_refused():
    rows, labels = ordered(10, 0)
    with pytest.raises(ValueError, match="Got 2 features and n_steps=3"):
        QRNNClassifier(n_steps=3).fit(rows, labels)
    with pytest.raises(ValueError, match="at least two classes. Got 1 class"):
        QRNNClassifier().fit(rows, np.zeros(10))
    for setting in ({"n_steps": 1.5}, {"n_steps": 0}, {"max_iter": 0}, {"alpha": np.nan}):
        (name,) = setting
        with pytest.raises(ValueError, match=rf"{name} should be .*at least [01]\. Got"):
            QRNNClassifier(**setting).fit(rows, labels)
    with pytest.raises(ValueError, match="reading should be 'final' or 'steps'. Got 'last'"):
        QRNNClassifier(reading="last").fit(rows, labels)
    with pytest.raises(UsageError, match="measures within its steps"):
        QRNNClassifier("sim-v1", reading="steps").fit(rows, labels)
    for options in ([("mode", "sampled")], "mode=sampled", {1: 2, "mode": "sampled"}):
        with pytest.raises(ValueError, match=r"values by name, .*Got [\[{']"):
            QRNNClassifier("v1", model_options=options).fit(rows, labels)
    with pytest.raises(ValueError, match=r"model should be a name\. Got \['v1'\]"):
        QRNNClassifier(["v1"]).fit(rows, labels)
    with pytest.raises(CircuitsError, match=r"one of expectation, sampled\. Got \['sampled'\]"):
        QRNNClassifier("v1", model_options={"mode": ["sampled"]}).fit(rows, labels)
    with pytest.raises(UnknownNameError, match="no model is called"):
        QRNNClassifier("dynamic-lime").fit(rows, labels)
    with pytest.raises(CircuitsError, match=r"Got v1 in expectation mode"):
        QRNNClassifier("v1").fit(rows, labels)


def test_what_was_fitted_is_a_file_that_answers_the_same(tmp_path):
    rng = np.random.default_rng(5)
    steps = rng.uniform(-1, 1, (30, 3, 2))
    np.savez(tmp_path / "rows.npz", X=np.concatenate([steps, 3 * steps[:1]]))
    rows, numbers = steps.reshape(30, 6), 1e3 + 50 * steps[:, -1, :]
    names = np.array(["low", "middle", "high"])[np.digitize(steps[:, 0, 0], [-0.3, 0.3])]
    kept = {"n_steps": 3, "max_iter": 2, "random_state": 0}
    for fitted in (
        QRNNClassifier(reading="steps", degree=1, **kept).fit(rows, names),
        QRNNRegressor(direct=True, **kept).fit(rows, numbers),
    ):
        loaded = qh.load(fitted.save(tmp_path / "m.qrnn"))
        found, said = loaded.predict(tmp_path / "rows.npz"), fitted.predict(rows)
        assert [bool(one.note) for one in found] == [False] * 30 + [True]
        if isinstance(fitted, QRNNClassifier):
            assert loaded.model.target.names == ("high", "low", "middle")
            assert [one.answer for one in found[:30]] == said.tolist()
        else:
            answers = np.array([one.answer for one in found[:30]])
            np.testing.assert_allclose(answers, said.reshape(30, -1), rtol=1e-12)


def test_a_plan_prices_rows_and_sends_them_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    rows, labels = ordered(20, 0)
    fitted = QRNNClassifier(n_steps=2, max_iter=3, random_state=0).fit(rows, labels)
    with pytest.raises(UsageError, match="Got none; give a number, or auto"):
        fitted.plan(rows, shots=None)
    plan = fitted.plan(rows[:3], machine="fake_boston", shots=300)
    assert "dynamic-line on fake_boston: 3 rows, 300 shots of each, 1 job at most" in str(plan)
    price = plan.price()
    assert not Path("runs").exists()
    with pytest.raises(BudgetError):
        plan.run(budget=price.most.best_seconds / 100)
    found = plan.run(budget=60)
    assert [one.shots for one in found] == [300] * 3
    scores = fitted.decision_function(rows[:3])
    for one, score in zip(found, scores, strict=True):
        assert one.low[0] - 0.3 < score < one.high[0] + 0.3
    assert "nothing would be sent" in str(plan)
    np.savez("rows.npz", X=rows[:3, :, None])
    loaded = qh.load(fitted.save("m.qrnn"))
    again = loaded.predict("rows.npz", machine="fake_boston", shots=300, budget=60)
    assert [one.score for one in again] == [one.score for one in found]
    assert not Path("runs/latest").exists()  # a folder of the last run, if there was one


def test_heads_on_every_step_and_stacks_are_asked_of_a_machine(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(1)
    rows = rng.uniform(-1, 1, (30, 4))
    names = np.array(["low", "mid", "top"])[np.digitize(rows[:, 0], [-0.3, 0.3])]
    fitted = QRNNClassifier(n_steps=2, reading="steps", max_iter=5, random_state=0)
    fitted.fit(rows, names)
    plan = fitted.plan(rows[:4], shots=40, repetitions=1, delta=0.05)
    found = plan.run(budget=60)
    # Each score is the mean over the shots that the job recorded, and a label is certain where
    # both rivals are passed.
    (key,) = found[0].machine["jobs"]
    with Store(store_path()) as store:
        bits = from_results(store.raw(key), (np.arange(4),), np.full(4, 2))
    read, columns = StepReadings(2, 2), np.asarray(fitted.scores_)
    for row, one in enumerate(found):
        shots = bits.shot_readings(row, read, per_step=False) @ columns
        np.testing.assert_allclose(one.score, shots.mean(axis=0), atol=1e-12)
        order = np.argsort(shots.mean(axis=0))
        gaps = shots[:, order[-1:]] - shots[:, order[:-1]]
        sure = gaps.mean(axis=0) > 1.96 * gaps.std(axis=0, ddof=1) / 40**0.5  # delta / 2 each
        assert one.answer == fitted.classes_[order[-1]]
        assert one.is_certain == sure.all()
        assert one.machine["certificates"][MACHINE] == (one.answer if sure.all() else None)
    assert len({one.is_certain for one in found}) == 2
    both = fitted.plan(rows[:2], shots=4000, stacks=["none", "terminal"], repetitions=1)
    with pytest.raises(UsageError, match=r"by one stack\. Got none, terminal; ask with `by_stack`"):
        both.run()
    by = both.by_stack(budget=60)
    exact = fitted.decision_function(rows[:2])
    for name, widest in (("none", 0.6), ("terminal", 0.6)):
        for one, score in zip(by[name], exact, strict=True):
            assert one.machine["plan"] == name
            assert np.abs(np.array(one.score) - score).max() < widest
    assert np.abs(np.array([one.score for one in by["none"]]) - exact).max() > 1e-3
    # The command asks the same question of the same file: the job is in the store.
    fitted.save("m.qrnn")
    np.savez("rows.npz", X=rows[:2].reshape(2, 2, 2))
    asked = ["predict", "m.qrnn", "--data", "rows.npz", "--backend", "fake_boston", "--shots"]
    once = [*asked, "4000", "--plan", "terminal", "--repetitions", "1", "--json"]
    alone = fitted.plan(rows[:2], shots=4000, stacks=["terminal"], repetitions=1).run(budget=60)
    capsys.readouterr()
    assert invoke([*once, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["n_jobs"] == 0
    assert invoke(once) == 0
    assert [one["score"] for one in json.loads(capsys.readouterr().out)] == [
        one.score for one in alone
    ]
    for words, said in (
        ([*asked, "auto"], "Got a head that reads the bits of every step; give a number"),
        ([*asked, "50", "--plan", "magic"], "a plan should be a stack such as none, terminal"),
        ([*asked[:-3], "--plan", "terminal"], "--plan should come with a machine's shots"),
    ):
        assert invoke(words) == 2
        assert said in capsys.readouterr().err
    for given, said in (
        ({"tiles": 4}, "Got tiles; leave it out"),
        ({"stacks": "terminal"}, "a list of names"),
        ({"stacks": ["terminal"], "shots": "auto"}, "bits of every step; give a number"),
    ):
        with pytest.raises(UsageError, match=said):
            fitted.plan(rows[:1], **given)


def test_what_a_machine_would_refuse_has_no_price(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QRNN_HW_HOME", str(tmp_path / "home"))
    Path("cell.py").write_text(CELL)
    rows, labels = ordered(20, 0)
    fitted = QRNNClassifier("cell.py:step", n_steps=2, max_iter=1, random_state=0)
    fitted.fit(rows, labels)
    for stacks in ((), ("none",)):
        with pytest.raises(PreflightError, match="reset-in-branch: A branch may hold no reset"):
            fitted.plan(rows[:2], shots=20, stacks=stacks).price()
    np.savez("rows.npz", X=rows[:2, :, None])
    asked = ["predict", str(fitted.save("m.qrnn")), "--data", "rows.npz", "--shots", "auto"]
    assert invoke([*asked, "--backend", "fake_boston", "--dry-run"]) == 4
    assert "reset-in-branch" in capsys.readouterr().err

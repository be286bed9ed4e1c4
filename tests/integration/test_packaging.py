"""What is imported is declared, and what is pinned installs on every Python that is promised."""

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = ("qrnn_hw", "circuits", "calibration", "jobs")
PYTHONS = ("3.11.2", "3.11.7", "3.12.1", "3.13.5", "3.14.8")
USED_BY_OTHERS = {
    "ply": "Mitiq imports it and does not ask for it",
    "pylatexenc": "Qiskit draws circuits with it",
    "qiskit-qasm3-import": "Qiskit reads OpenQASM 3 with it",
}
"""What is declared though no module of ours imports it."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras):
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def imported(folder, *, inside=True):
    """Return the top names of all imports in a folder that are neither ours nor Python's."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(PACKAGES) - sys.stdlib_module_names


def distributions(names):
    """Return the names under which modules are installed, in canonical form."""
    providers = metadata.packages_distributions()
    return {canonicalize_name(providers[name][0]) for name in names if name in providers}


def test_what_is_imported_is_declared_and_the_other_way_round():
    names = set().union(*map(imported, PACKAGES))
    optional = {"dask", "distributed", "pyarrow"}
    base = {canonicalize_name(one.name): one for one in requirements()}
    asked = distributions(names - optional)
    # On a newer Python Mitiq is neither installed nor asked for.
    present = {name for name, one in base.items() if one.marker is None or one.marker.evaluate()}
    assert asked - set(base) == set()
    assert present - asked - set(USED_BY_OTHERS) == set()
    extras = {canonicalize_name(one.name) for one in requirements("dask", "parquet")}
    assert distributions(names & optional) <= extras


def test_tests_import_only_what_the_development_extra_brings():
    tests = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"emulator"}
    tests |= {f"mitigation_{name}" for name in tests}
    peers = {"pennylane", "tensorcircuit", "torch"}
    names = imported("tests") - tests - peers - {"cells_of_a_test"}
    declared = {canonicalize_name(one.name) for one in requirements("dev", "dask", "parquet")}
    assert distributions(names) <= declared


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[a-z0-9.-]+==[a-z0-9.]+( ; [a-z_]+ [<>=]+ '[0-9.]+')?", line)
               for line in lines)  # fmt: skip
    assert lines == sorted(lines)
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_has_one_pin_of_every_package_within_what_is_asked(python):
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    short = ".".join(python.split(".")[:2])
    here = {"python_version": short, "python_full_version": python, "extra": ""}
    pinned = [one for one in pins() if one.marker is None or one.marker.evaluate(here)]
    versions = {one.name: next(iter(one.specifier)).version for one in pinned}
    assert len(versions) == len(pinned)
    assert set(versions) == {one.name for one in pins()}
    for one in requirements("dev", "dask", "parquet", "docs"):
        if one.name != "qrnn-hw" and (one.marker is None or one.marker.evaluate(here)):
            assert one.specifier.contains(versions[canonicalize_name(one.name)]), one
    assert f"Programming Language :: Python :: {short}" in PROJECT["classifiers"]


def test_all_that_is_installed_for_the_package_is_pinned():
    pinned = {one.name for one in pins()}
    waiting, seen = [canonicalize_name(one.name) for one in requirements("dev")], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name == "qrnn-hw":
            continue
        seen.add(name)
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        waiting += [
            canonicalize_name(one.name)
            for one in map(Requirement, lines)
            if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    assert len(seen) > 60
    assert seen - pinned == set()


def built(source, folder, target):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t", target]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.tar.gz" if target == "sdist" else "*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


def test_the_source_archive_is_whole_and_gives_the_same_wheel(wheel, tmp_path):
    with tarfile.open(built(ROOT, tmp_path, "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    held = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert {"Makefile", "constraints.txt", "tests/conftest.py", "docs/index.md"} <= held
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        assert set(filter(None, listed.stdout.split("\0"))) - held == set()
    again = built(source, tmp_path, "wheel")
    contents = [
        {one.filename: one.CRC for one in zipfile.ZipFile(path).infolist()}
        for path in (wheel, again)
    ]
    assert contents[0] == contents[1]


def test_the_wheel_alone_is_the_command_with_types_and_completion(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {*PACKAGES, f"qrnn_hw-{metadata.version('qrnn-hw')}.dist-info"}
    assert any(name.endswith("licenses/NOTICE") for name in names)

    script = tmp_path / "qrnn-hw"
    script.write_text("from qrnn_hw.cli import main; main()")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}

    def printed(*command, **variables):
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=tmp_path, env=environment | variables, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    where = printed("-c", "import qrnn_hw, jobs; print(qrnn_hw.__file__, jobs.__file__)")
    assert where.count(str(tmp_path)) == 2
    assert printed("-m", "qrnn_hw", "--version") == metadata.version("qrnn-hw") + "\n"
    typed = {"COMP_WORDS": "qrnn-hw est", "COMP_CWORD": "1", "_QRNN_HW_COMPLETE": "complete_bash"}
    assert printed(script, **typed).split() == ["estimate"]


def test_a_package_that_another_distribution_wrote_over_is_one_line(tmp_path):
    # As in one site-packages: all of ours, and somebody else's circuits/__init__.py.
    for name in ("qrnn_hw", "circuits", "calibration", "jobs"):
        (tmp_path / name).mkdir()
        ours = b"" if name == "circuits" else (ROOT / name / "__init__.py").read_bytes()
        (tmp_path / name / "__init__.py").write_bytes(ours)
    (tmp_path / "qrnn_hw" / "_version.py").write_bytes((ROOT / "qrnn_hw/_version.py").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "qrnn_hw"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, cwd=tmp_path.parent,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the package 'circuits' should be the one installed with qrnn-hw")
    assert "pip install --force-reinstall --no-deps" in line

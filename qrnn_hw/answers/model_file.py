"""A trained model in one file: arrays and a JSON header in an .npz archive, nothing executable.

With the weights travels what training fitted before them: the vectors of the words of its data, or
the scaling of its numbers, how a file is read, and the versions. The header names the digest of all
arrays and the digest of the circuits, which are built again from the registry and compared.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from calibration.documents import parsed
from circuits.errors import CircuitsError
from circuits.zoo.registry import architecture
from jobs.store.archives import read_archive
from qrnn_hw.data.read_options import ReadOptions
from qrnn_hw.data.scaling import Scaling
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, Target
from qrnn_hw.data.vectors import WordVectors
from qrnn_hw.errors import ConfigurationError, QRNNError
from qrnn_hw.experiment.task import ModelTask
from qrnn_hw.experiment.versions import package_versions
from qrnn_hw.networks.identity import network_content
from qrnn_hw.networks.network import network_of
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork

FORMAT, VERSION = "qrnn-hw model", 2
"""The digest of version 1 left out what the header says beside the words."""
SCALES = ("mean", "deviation", "target_mean", "target_deviation", "low", "high")
HELD = 32
"""Held-out rows that travel along, the longest: canaries are the largest answers among them."""

REMEDY = "export it again with `qrnn-hw export RUN model.qrnn`"


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with all that turns a file or a sentence into its inputs."""

    name: str
    """Of the registry, or of a user's own cell."""

    trained: TrainedNetwork
    features: tuple[str, ...]
    """Names of the numbers of a step."""

    reading: ReadOptions
    scaling: Scaling | None = None
    vectors: WordVectors | None = None
    canaries: Sequences | None = None
    """Held-out rows, scaled, to be sent along to a machine: the exact engine knows their answers.
    None of a file of before."""

    @property
    def target(self) -> Target:
        """What is answered."""
        return self.trained.network.target

    @classmethod
    def of(cls, name: str, trained: TrainedNetwork, task: ModelTask) -> Model:
        """Return a model with what its task fitted; what it is asked is read as its data were."""
        data, series = task.data, task.data.series
        given = {**data.reading.to_json(), "embeddings": None, "test": None}
        if series is not None:
            given |= {"target": series.targets, "window": series.window, "horizon": series.horizon}
            given |= {"changes": series.changes}
        vectors = data.vectors
        if data.text is not None and vectors is not None:
            vectors = _of_words(vectors, data.text.texts)
        held = task.validation
        longest = np.sort(np.argsort(-held.lengths, kind="stable")[:HELD])
        canaries = Sequences(held.values[longest], held.lengths[longest])
        reading = ReadOptions.from_json(given)
        scaling = task.parts.scaling
        return cls(name, trained, data.features, reading, scaling, vectors, canaries)

    def save(self, path: Path | str) -> Path:
        """Write the file whole or not at all, and return its path."""
        target = self.target
        arrays: dict[str, NDArray[Any]] = {
            f"parameters/{name}": np.asarray(value)
            for name, value in self.trained.parameters.items()
        }
        if self.scaling is not None:
            arrays |= {f"scaling/{name}": getattr(self.scaling, name) for name in SCALES}
        if self.canaries is not None:
            arrays |= {"canaries/values": self.canaries.values}
            arrays |= {"canaries/lengths": self.canaries.lengths}
        words: list[str] = []
        if self.vectors is not None:
            arrays["vectors"], words = self.vectors.vectors, list(self.vectors.words)
        header = {
            "format": FORMAT,
            "version": VERSION,
            "model": self.name,
            "options": dict(self.trained.network.architecture.options),
            "network": network_content(self.trained.network),
            "n_inputs": len(self.features),
            "target": [type(target).__name__, list(target.names)],
            **self._steps(),
            "features": list(self.features),
            "reading": self.reading.to_json(),
            "words": words,
            "versions": package_versions(),
        }
        header["digest"] = _digest(arrays, words, header)
        stream = io.BytesIO()
        text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        np.savez_compressed(stream, header=text, **arrays)  # type: ignore[arg-type]
        path = Path(path)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(stream.getvalue())
            part.replace(path)
        except OSError as error:
            raise ConfigurationError(
                f"the model should be written to {path}. Got {error.strerror or error}; choose "
                "another file."
            ) from error
        finally:
            part.unlink(missing_ok=True)
        return path

    def _steps(self) -> dict[str, Any]:
        """Return what a header says of a head that reads every step, or inputs; else nothing."""
        network, found = self.trained.network, {}
        if network.steps is not None:
            found = {"steps": asdict(network.steps), "per_step": self.target.per_step}
        if network.direct:
            found["direct"] = network.direct
        return found

    @classmethod
    def load(cls, path: Path | str) -> Model:
        """Read a file that `save` wrote.

        Raises:
            ConfigurationError: it is damaged, of something else, of a newer version, or made of
                circuits that are others here.
        """
        path = Path(path)
        try:
            arrays = read_archive(path)
            header = parsed(arrays.pop("header").tobytes())
            if header["format"] != FORMAT:
                raise ValueError("format")
            if header["version"] > VERSION:
                raise ConfigurationError(
                    f"{path} should be a model of version {VERSION} at most. Got version "
                    f"{header['version']}; use a newer qrnn-hw, or {REMEDY} there."
                )
            told, digest = None if header["version"] == 1 else header, header.pop("digest")
            if _digest(arrays, header["words"], told) != digest:
                raise ValueError("digest")
            return cls._from(path, header, arrays)
        except ConfigurationError:
            raise
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            QRNNError,
            CircuitsError,
        ) as error:
            raise ConfigurationError(
                f"{path} should be a model that `qrnn-hw export` wrote, whole. Got a file that "
                f"cannot be used ({type(error).__name__}: {str(error)[:80]}); {REMEDY}."
            ) from error

    @classmethod
    def _from(cls, path: Path, header: dict[str, Any], arrays: dict[str, Any]) -> Model:
        kind, names = header["target"]
        made_of = Classes if kind == "Classes" else Numbers
        target: Target = made_of(tuple(names), bool(header.get("per_step", False)))
        steps = StepReadings(**header["steps"]) if header.get("steps") else None
        made = architecture(header["model"], **header["options"])
        n_inputs, direct = int(header["n_inputs"]), int(header.get("direct", 0))
        network = network_of(made, n_inputs, target=target, steps=steps, direct=direct)
        if network_content(network) != header["network"]:
            raise ConfigurationError(
                f"the circuits of {header['model']} should be those that {path} was trained with. "
                f"Got others; {REMEDY} with the same version."
            )
        own = {n.removeprefix("parameters/"): v for n, v in arrays.items() if "parameters/" in n}
        like = {name: np.shape(value) for name, value in network.initial(0).items()}
        if {name: np.shape(value) for name, value in own.items()} != like:
            raise ValueError("shapes of the weights")
        if not all(np.isfinite(value).all() for value in arrays.values()):
            raise ValueError("weights that are not finite")
        scaling = None
        if "scaling/mean" in arrays:
            scaling = Scaling(*(np.asarray(arrays[f"scaling/{name}"]) for name in SCALES))
        vectors = None
        if "vectors" in arrays:
            vectors = WordVectors(tuple(header["words"]), np.asarray(arrays["vectors"]))
        canaries = None
        if "canaries/values" in arrays:
            canaries = Sequences(arrays["canaries/values"], arrays["canaries/lengths"])
        trained = TrainedNetwork(network, {name: jnp.asarray(value) for name, value in own.items()})
        reading = ReadOptions.from_json(header["reading"])
        features = tuple(header["features"])
        if len(features) != n_inputs or not all(isinstance(one, str) for one in features):
            raise ValueError("names of the features")
        return cls(header["model"], trained, features, reading, scaling, vectors, canaries)


def _of_words(vectors: WordVectors, texts: tuple[str, ...]) -> WordVectors:
    """Return the vectors of the words that some texts use."""
    from qrnn_hw.data.tokens import tokenise

    used = {word for text in texts for word in tokenise(text, drop_stop_words=False)}
    rows = [row for row, word in enumerate(vectors.words) if word in used]
    return WordVectors(tuple(vectors.words[row] for row in rows), vectors.vectors[rows])


def _digest(arrays: dict[str, Any], words: list[str], header: dict[str, Any] | None) -> str:
    """Return the SHA-256 of all that a file holds; of a file of before its header is None."""
    hashed = hashlib.sha256("\n".join(words).encode())
    if header is not None:
        hashed.update(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        hashed.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return hashed.hexdigest()

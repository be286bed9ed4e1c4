"""`qrnn-hw models audit`: what a model can do at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qrnn_hw.cli.numbers import whole
from qrnn_hw.cli.options import Data, FeedbackMode, ModelOptions, Wiring
from qrnn_hw.cli.output import Json, print_json, print_table
from qrnn_hw.ranges import MOST_SEED, MOST_SHOTS, MOST_UNROLLED

if TYPE_CHECKING:
    from circuits.definition import Architecture


def audit(
    name: Annotated[str | None, typer.Argument(help="Model name; or --all.")] = None,
    option: ModelOptions = None,
    mode: FeedbackMode = None,
    wiring: Wiring = None,
    every: Annotated[bool, typer.Option("--all", help="Audit every model.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    steps: Annotated[int, whole(1, MOST_UNROLLED, help="Time steps T.")] = 3,
    shots: Annotated[
        int, whole(1, MOST_SHOTS, help="Of each circuit of a gradient's estimate.")
    ] = 1000,
    seed: Annotated[int, whole(0, MOST_SEED, help="Of the random inputs and weights.")] = 0,
    backend: Annotated[
        str | None, typer.Option(help="Also say what this recorded device, fake_..., refuses.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Also say what share of these sentences gets one label: amazon, imdb, yelp or uci."
        ),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Audit what a model can do at all: light cone, Jacobian rank, constant share, gradients.

    Inputs and weights are random; the figures are of the ideal model without noise. With --dataset
    or --data the inputs of the share are sentences, as training would start with them.
    """
    from qrnn_hw.errors import UsageError
    from qrnn_hw.models import facts as models
    from qrnn_hw.models.options import chosen_architecture

    if every == (name is not None):
        raise UsageError(f"audit takes one model name, or --all. Got {name or 'neither'}.")
    if every and (option or mode or wiring):
        raise UsageError("--all should stand without options of a model. Got some; name the model.")
    if json and markdown:
        raise UsageError("either --json or --markdown should be given. Got both; leave one out.")
    if every:
        from circuits import architectures

        found = models.variants(architectures())
    else:
        found = [chosen_architecture(str(name), option, mode=mode, wiring=wiring)]
    share_of = _label_share(dataset, data, seed)
    reports = []
    for number, model in enumerate(found, start=1):
        if every:
            typer.echo(f"{number} of {len(found)}: {model.name}", err=True)
        report = models.audited(model, steps=steps, shots=shots, seed=seed, backend=backend)
        if share_of is not None:
            report["label_share"] = share_of(model)
        reports.append(report)
    if json:
        print_json(reports if every else reports[0])
    elif markdown:
        typer.echo(models.markdown(reports))
    elif every:
        print_table(*models.summary(reports))
    else:
        shown = dict(reports[0])
        share = shown.pop("label_share", {})
        shown |= {f"label share, {key}": value for key, value in share.items()}
        print_table(("", ""), list(shown.items()))


def _label_share(
    dataset: str | None, data: Path | None, seed: int
) -> Callable[[Architecture], dict[str, Any]] | None:
    """Return what audits a model on the sentences that are asked for, if any are."""
    if dataset is None and data is None:
        return None
    from qrnn_hw.data.labelled_text import dataset_name
    from qrnn_hw.experiment.label_share import label_share
    from qrnn_hw.experiment.recipe_settings import RecipeSettings

    name = dataset_name(dataset, data)
    rows = RecipeSettings("dynamic-line", dataset=name, data=data).read()

    def share(model: Architecture) -> dict[str, Any]:
        settings = RecipeSettings(
            model.name, options=dict(model.options), dataset=name, data=data, seed=seed
        )
        return label_share(settings, rows).to_json()

    return share

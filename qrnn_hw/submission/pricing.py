"""The price formula, corrected by what this user's jobs were charged."""

from __future__ import annotations

from jobs.cost import DEFAULT_FORMULA, PriceFormula, recalibrate
from jobs.store.store import Store
from qrnn_hw.config import store_path


def own_formula() -> PriceFormula:
    """Return the documented formula, scaled to the charges in the store when there are enough.

    Estimates are stored by the documented formula, so that each correction starts from there.
    """
    if not store_path().exists():
        return DEFAULT_FORMULA
    with Store(store_path()) as store:
        return recalibrate(store.charges(), DEFAULT_FORMULA)

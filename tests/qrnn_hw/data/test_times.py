"""Dates as spreadsheets write them are read as those days, and rows that go back are refused."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from qrnn_hw.data.reading import read
from qrnn_hw.data.tables import open_table
from qrnn_hw.data.times import times
from qrnn_hw.errors import DataError

FORMS = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%d-%b-%Y")
CLOCKS = ("%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y, %H:%M:%S")
HOURS = [datetime(2023, 11, 20, 5, tzinfo=UTC) + timedelta(hours=7 * n) for n in range(60)]
DAYS = [moment.replace(hour=0) for moment in HOURS[::4]]


def written(path, moments, form, name="Datum"):
    rows = (f'"{moment.strftime(form)}";{n % 5}' for n, moment in enumerate(moments))
    path.write_text("\n".join([f"{name};Wert", *rows]))
    return path


@pytest.mark.parametrize("form", FORMS + CLOCKS)
def test_a_date_is_the_day_that_was_written(form, tmp_path):
    moments = HOURS if form in CLOCKS else DAYS
    table = open_table(written(tmp_path / "a.csv", moments, form))
    wanted = [moment.replace(second=0).timestamp() for moment in moments]
    np.testing.assert_array_equal(times(table, "Datum"), wanted)


@pytest.mark.parametrize("form", FORMS + CLOCKS)
@pytest.mark.parametrize("name", ["date", "Datum", "Messung am"])
def test_the_newest_row_first_is_refused_whatever_a_date_looks_like(form, name, tmp_path):
    path = written(tmp_path / "a.csv", DAYS[::-1], form, name)
    with pytest.raises(DataError, match=f"line 3, column '{name}': rows should be in the order"):
        read(path, target="Wert", window=4)
    assert len(read(written(path, DAYS, form, name), target="Wert", window=4)) == len(DAYS) - 4


def test_a_column_of_falling_numbers_is_no_time_for_its_place_or_its_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("data;Wert\n" + "\n".join(f"{60 - n};{n % 5}" for n in range(60)))
    assert len(read(path, target="data", window=4)) == 56

"""Dates as spreadsheets write them are read as those days, and rows that go back are refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from qrnn_hw.data.reading import read
from qrnn_hw.data.tables import open_table
from qrnn_hw.data.times import times
from qrnn_hw.errors import DataError

FORMS = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%d-%b-%Y")
CLOCKS = (
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y, %H:%M:%S",
    "%d.%m.%Y %-H:%M:%S",
    "%Y-%m-%d %-H:%M",
    "%Y/%m/%d %-H:%M:%S UTC",
    "%d-%b-%Y %H:%M",
    "%b %d, %Y %I:%M %p",
)
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


def test_times_may_have_decimal_commas_and_a_day_may_end_at_24_hours(tmp_path):
    table = written(tmp_path / "a.csv", [], "")
    rows = [f"{second},5;31.12.2023 {hour}:00" for second, hour in ((0, "23"), (1, "24"))]
    table.write_text("\n".join(["Zeit;Uhr", *rows]))
    np.testing.assert_array_equal(times(open_table(table), "Zeit"), [0.5, 1.5])
    ends = [datetime(2023, 12, 31, 23, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]
    np.testing.assert_array_equal(
        times(open_table(table), "Uhr"), [end.timestamp() for end in ends]
    )


@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize("named", [{"time": "Datum"}, {}])
def test_a_clock_that_is_set_back_wants_the_offset(minutes, named, tmp_path):
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2024, 10, 26, 22, tzinfo=UTC)
    moments = [(first + n * timedelta(minutes=minutes)).astimezone(zone) for n in range(40)]
    local = written(tmp_path / "a.csv", moments, "%d.%m.%Y %H:%M")
    reading = {"target": "Wert", "window": 4, **named}
    if named or minutes < 60:
        with pytest.raises(DataError, match="If the clocks were set back there, write each off"):
            read(local, **reading)
    told = written(tmp_path / "a.csv", moments, "%Y-%m-%dT%H:%M%z")
    assert len(read(told, **reading).notes) == 1


@pytest.mark.parametrize("named", [{"time": "Datum"}, {}])
def test_rows_that_are_missing_in_time_are_said(named, tmp_path):
    reading = {"target": "Wert", "window": 4, **named}
    months = [datetime(2023 + n // 12, 1 + n % 12, 1, tzinfo=UTC) for n in range(24)]
    assert len(read(written(tmp_path / "a.csv", months, "%Y-%m-%d"), **reading).notes) == 1
    (*_, note) = read(
        written(tmp_path / "a.csv", months[:9] + months[11:], "%Y-%m-%d"), **reading
    ).notes
    assert "1 of 21 steps in time are longer" in note
    assert "from '2023-09-01' to '2023-12-01'" in note

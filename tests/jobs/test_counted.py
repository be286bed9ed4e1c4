"""One is no plural."""

from jobs.counted import counted


def test_one_is_no_plural():
    assert [counted(n, "job") for n in (0, 1, 2, 2000)] == [
        "0 jobs",
        "1 job",
        "2 jobs",
        "2,000 jobs",
    ]
    assert [counted(n, "canary", "canaries") for n in (1, 8)] == ["1 canary", "8 canaries"]

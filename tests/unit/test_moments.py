"""Stories of times: what is read as one, and how it is written."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.investigation import moments


@given(st.datetimes(min_value=dt.datetime(1, 1, 1), max_value=dt.datetime(9999, 12, 31)))  # noqa: DTZ001 - UTC by itself
@settings(derandomize=True, max_examples=100, deadline=None)
def test_a_time_is_read_as_its_seconds(at: dt.datetime) -> None:
    """Given a time in any of the forms that AWS writes, when it is read, it is the seconds since 1970."""
    expected = int(at.replace(microsecond=0, tzinfo=dt.UTC).timestamp())
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ"):
        written = at.strftime(form).rjust(len(at.strftime(form)) + 4 - len(str(at.year)) if at.year < 1000 else 0, "0")
        assert moments.seconds(written) == expected


@pytest.mark.parametrize(
    "odd", ["", "now", "2026-13-01T00:00:00Z", "0000-01-01", "2026-11-20T03:31:07+02:00", "=1+1", "2026-11-20T"]
)
def test_what_is_no_time_in_utc_is_none(odd: str) -> None:
    """Given something else, when it is read, there is no time, and it is written as it is."""
    assert moments.seconds(odd) is None
    assert moments.said(odd) == odd


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("2026-11-20T03:12:04Z", "a moment"),
        ("2026-11-20T03:12:05Z", "1 second"),
        ("2026-11-20T03:38:51Z", "26 minutes"),
        ("2026-11-20T05:12:04Z", "2 hours"),
        ("2026-11-27T05:12:04Z", "7 days"),
        ("2026-11-19T05:12:04Z", ""),
        ("never", ""),
    ],
)
def test_a_span_is_said_in_its_largest_unit(last: str, said: str) -> None:
    """Given two times, when the span between them is said, it is in one unit; a span backwards is not said."""
    assert moments.between("2026-11-20T03:12:04Z", last) == said

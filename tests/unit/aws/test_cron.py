"""crontab lines as EventBridge Scheduler writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.providers.aws.cron import WEEKDAYS, expression


@pytest.mark.parametrize(
    ("crontab", "wanted"),
    [
        ("0 6 * * *", "cron(0 6 * * ? *)"),
        ("0 6 * * 1-5", "cron(0 6 ? * MON,TUE,WED,THU,FRI *)"),
        ("*/15 8-10 1 * *", "cron(0,15,30,45 8,9,10 1 * ? *)"),
        ("5 0 * jan,jul sun", "cron(5 0 ? 1,7 SUN *)"),
        ("0 0 * * 7", "cron(0 0 ? * SUN *)"),
        ("30/10 0 * * *", "cron(30,40,50 0 * * ? *)"),
    ],
)
def test_a_crontab_line_means_the_same(crontab: str, wanted: str) -> None:
    assert expression(crontab) == wanted


@pytest.mark.parametrize(
    ("crontab", "said"),
    [
        ("0 6 1 * 1", "both the day of the month and the weekday"),
        ("60 6 * * *", "minute '60' is not from 0 to 59"),
        ("0 6 * 13 *", "month '13' is not from 1 to 12"),
        ("0 6 * * mon-sun", "ends before it begins"),
        ("*/0 * * * *", "step 0"),
        ("0 6 * *", "has 4 fields"),
        ("0 ? * * *", "not a number, a range, a list or a step"),
        ("0 *-3 * * *", "not a range"),
        ("٣ 6 * * *", "is not from 0 to 59"),
    ],
)
def test_what_is_wrong_is_said(crontab: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("*", r"\*").replace("?", r"\?")):
        expression(crontab)


@given(st.integers(0, 6), st.integers(0, 6))
def test_weekdays_are_named_as_crontab_counts_them(first: int, last: int) -> None:
    if first <= last:
        assert expression(f"0 0 * * {first}-{last}") == f"cron(0 0 ? * {','.join(WEEKDAYS[first : last + 1])} *)"

"""Which of two deliveries is the later does not depend on a clock."""

from __future__ import annotations

import datetime as dt

import pytest
from tests.conftest import Shop

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
SHOWN = {  # by the quantity that is delivered then: a year ahead, and right again
    1: NOW,
    2: NOW + dt.timedelta(days=365),
    3: NOW + dt.timedelta(days=1),
}


@pytest.mark.slow("three deliveries, one after another")
def test_a_correction_counts_whatever_the_clock_shows(shop: Shop) -> None:
    said = []
    for quantity, now in SHOWN.items():
        corrected = f"A1,1,2026-03-01 10:00:00,P1,Mug,{quantity},5.00,77,Germany,EUR"
        shop.deliver_lines(corrected, name=f"lines_{quantity}.csv")
        result = shop.run(until="silver", now=now)
        assert not result.failed
        assert shop.rows("SELECT quantity FROM silver.sales_clean") == [(quantity,)]
        said.append([check.why for check in result.checks if check.check == "clock_goes_forward"])
    of_third = (
        "The clock of this machine showed 2026-11-02 12:00:00 UTC, and an earlier delivery was loaded at"
        " 2027-11-01 12:00:00. What came now counts as the later, and has the time just after that. Set the"
        " clock right."
    )
    assert said == [[], [], [of_third]]
    assert not shop.run(until="silver", now=NOW).changed
    last = shop.rows("SELECT run_id FROM monitor.runs ORDER BY started DESC LIMIT 1")
    assert last == [(result.run_id,)]

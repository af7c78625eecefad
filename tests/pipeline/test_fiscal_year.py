"""Fiscal years begin with the month that the project says."""

from __future__ import annotations

import pytest
from tests.conftest import Shop

pytestmark = pytest.mark.slow("a run for each case")


def test_a_fiscal_year_is_called_after_the_year_it_ends_in(shop: Shop) -> None:
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text() + "fiscal_year_starts: 4\n")
    shop.deliver_lines("A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR")
    shop.run()
    days = "DATE'2026-03-31', DATE'2026-04-01', DATE'2026-08-31', DATE'2026-12-31'"
    columns = "fiscal_year, fiscal_quarter, fiscal_month"
    found = shop.lakehouse.query(
        f"SELECT {columns} FROM gold.dim_date WHERE date IN ({days}) ORDER BY date"
    ).fetchall()
    assert found == [(2026, 4, 12), (2027, 1, 1), (2027, 2, 5), (2027, 3, 9)]

"""Order lines that nobody can turn into euros, since there is no rate: what is at stake, and the mend."""

from __future__ import annotations

import re
from typing import Any

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import rows
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.quality.checks import CheckResult

READS = ("silver.quarantine", "silver.fx_rates_eur")
MISSING = """
WITH newest AS (
  SELECT
    currency, min(published_date) AS first_day, max(published_date) AS day,
    max(published_date) FILTER (published_by = 'ecb') AS of_the_bank
  FROM silver.fx_rates_eur GROUP BY currency
)
SELECT
  q.source_system, q.currency,
  min(q.order_date) AS first_day, max(q.order_date) AS last_day,
  count(*) AS order_lines, sum(abs(q.amount_original)) AS amount,
  any_value(n.day) AS newest_rate, any_value(n.first_day) AS oldest_rate,
  coalesce(any_value(n.of_the_bank) < (SELECT max(of_the_bank) FROM newest), false) AS is_retired,
  coalesce(
    bool_and(q.order_date > n.of_the_bank AND n.of_the_bank = (SELECT max(of_the_bank) FROM newest)), false
  ) AS can_be_fetched
FROM silver.quarantine AS q LEFT JOIN newest AS n USING (currency)
WHERE q.reason_code = 'no_fx_rate'
GROUP BY q.source_system, q.currency
ORDER BY q.source_system, amount DESC, q.currency
"""


def missing_rates(lakehouse: Lakehouse, project: Project) -> list[CheckResult]:
    """A check per brand; `failures` counts order lines, the sample has a row for each currency:

    currency, first_day, last_day, order_lines, amount (in that currency, whatever its sign), newest_rate (the
    last day there is a rate of, None where there never was one), oldest_rate, is_retired (whether the
    European Central Bank has ceased to publish the currency), can_be_fetched (whether it publishes the
    currency, and only later days are missing).

    >>> [(found.table, found.passed) for found in missing_rates(mh.open("shop"), mh.project("shop"))]
    [('shop.rates', True)]
    """
    if not all(map(lakehouse.exists, READS)):
        return []
    # most projects have nothing in quarantine, and then the rates need not be read
    found = rows(lakehouse.reading(*READS), MISSING) if lakehouse.rows("silver.quarantine") else []
    return [
        _check(brand, [row for row in found if row["source_system"] == brand.name])
        for brand in project.brands.values()
    ]


def _check(brand: Brand, missing: list[dict[str, Any]]) -> CheckResult:
    mends = ""
    if any(row["can_be_fetched"] for row in missing):
        mends += " Fetch newer rates: mergehouse rates update."
    if not all(row["can_be_fetched"] for row in missing):
        mends += (
            f" Give rates that the European Central Bank does not publish in {brand.folder / 'fx_rates.csv'}."
        )
    why = " ".join(_words(row) for row in missing) + mends
    lines = sum(row["order_lines"] for row in missing)
    return CheckResult(
        f"{brand.name}.rates", "rate_is_known", "error", lines, why or "Every amount has its rate.", missing
    )


def _words(row: dict[str, Any]) -> str:
    newest = f"the newest is of {row['newest_rate']}" if row["newest_rate"] else "there is none at all"
    if row["oldest_rate"] and row["last_day"] < row["oldest_rate"]:
        newest = f"the first is of {row['oldest_rate']}"
    elif row["newest_rate"] and row["last_day"] < row["newest_rate"]:
        newest = f"there is none of these days, between {row['oldest_rate']} and {row['newest_rate']}"
    elif row["is_retired"]:
        newest = (
            f"the European Central Bank's last is of {row['newest_rate']} (where the euro has replaced it,"
            " have order_lines.sql divide prices and amounts by the fixed rate and say EUR)"
        )
    if re.fullmatch("[A-Z]{2}[a-z]|GBX|ZAC|ILA", row["currency"]):
        newest += (
            f" (`{row['currency']}` counts hundredths, as pence: have order_lines.sql divide prices and"
            " amounts by 100 and say the currency itself, such as GBP)"
        )
    elif not re.fullmatch("[A-Z]{3}", row["currency"]):
        newest += f" (`{row['currency']}` is no code of ISO 4217: have order_lines.sql say one, such as EUR)"
    return (
        f"{row['order_lines']:,} order lines from {row['first_day']} on, {row['amount'] or 0:,.2f}"
        f" {row['currency']}, are in quarantine for want of a rate: {newest}."
    )

"""When a brand sells: per month, per weekday, per hour. Sums over silver.orders, guests included."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

import duckdb

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Month:
    """`complete` where the data cover the whole month."""

    start: dt.date
    gmv_eur: Decimal
    orders: int
    complete: bool


@dataclass(frozen=True)
class Weekday:
    """`days` is how many such days lie between the first and the last sale; the GMV is the mean of one, with
    or without sales.
    """

    name: str
    days: int
    gmv_eur: Decimal


@dataclass(frozen=True)
class Seasons:
    """`hours` holds (hour of the brand's clocks, orders), 0 to 23; empty where no order was delivered with a
    time of day.
    """

    first: dt.date
    last: dt.date
    months: tuple[Month, ...]
    weekdays: tuple[Weekday, ...]
    hours: tuple[tuple[int, int], ...]


def seasons(connection: duckdb.DuckDBPyConnection, brand: str, timezone: str) -> Seasons | None:
    """Orders with a sale, on the date of their first line; None where there is none."""
    of_brand = {"brand": brand}
    first, last = connection.execute(
        "SELECT min(order_date), max(order_date) FROM silver.orders WHERE is_sale AND source_system = $brand",
        of_brand,
    ).fetchall()[0]
    if first is None:
        return None
    months = connection.execute(
        """
        SELECT date_trunc('month', order_date)::DATE AS start, sum(gmv_eur), count(*)
        FROM silver.orders WHERE is_sale AND source_system = $brand GROUP BY start ORDER BY start
        """,
        of_brand,
    ).fetchall()
    weekdays = connection.execute(
        """
        SELECT isodow(day) AS weekday, count(*), (coalesce(sum(gmv_eur), 0) / count(*))::DECIMAL(18, 2)
        FROM (SELECT unnest(generate_series($first::DATE, $last::DATE, INTERVAL 1 DAY))::DATE AS day)
        LEFT JOIN (
          SELECT order_date AS day, sum(gmv_eur) AS gmv_eur
          FROM silver.orders WHERE is_sale AND source_system = $brand GROUP BY order_date
        ) USING (day)
        GROUP BY weekday ORDER BY weekday
        """,
        of_brand | {"first": first, "last": last},
    ).fetchall()
    hours = dict(
        connection.execute(
            """
            SELECT hour(timezone($timezone, order_ts)) AS hour, count(*) FROM silver.orders
            WHERE is_sale AND source_system = $brand GROUP BY hour
            """,
            of_brand | {"timezone": timezone},
        ).fetchall()
    )
    return Seasons(
        first,
        last,
        tuple(
            Month(start, gmv, orders, first <= start and _month_end(start) <= last)
            for start, gmv, orders in months
        ),
        tuple(Weekday(WEEKDAYS[weekday - 1], days, gmv) for weekday, days, gmv in weekdays),
        tuple((hour, hours.get(hour, 0)) for hour in range(24)) if set(hours) != {0} else (),
    )


def _month_end(start: dt.date) -> dt.date:
    return (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)

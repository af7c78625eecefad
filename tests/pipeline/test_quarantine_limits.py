"""How many order lines may be unusable before sales keep their previous version, and how that is said."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.command import call
from tests.conftest import SHOP_BRAND, Shop

from mergehouse.errors import ConfigError
from mergehouse.pipeline.results import RunResult, summary

pytestmark = pytest.mark.slow("a run for each case")

LIMITS = "quarantine: {stop: 100 %}\n"


def lines(first: int, count: int, price: str = "1.00", month: str = "01") -> list[str]:
    return [
        f"A{n},1,2026-{month}-05 10:00:00,P1,Mug,1,{price},77,Germany,EUR"
        for n in range(first, first + count)
    ]


def limited(shop: Shop, limits: str) -> Shop:
    shop.configure(SHOP_BRAND.replace(LIMITS, limits))
    return shop


def failing(result: RunResult, check: str) -> list[dict]:
    return [row for c in result.checks if c.check == check for row in c.sample]


def test_defaults_are_on(shop: Shop) -> None:
    """5 of 100 lines are at the limit, 6 of 101 above it; the previous version stays until it is mended."""
    limited(shop, "")
    shop.deliver_lines(*lines(0, 95), *lines(95, 5, "none"))
    result = shop.run()
    assert not result.failed and not failing(result, "quarantine_below_stop")
    (warned,) = failing(result, "quarantine_below_warn")
    assert (warned["lost_lines"], warned["order_lines"], warned["line_share"]) == (5, 100, Decimal("0.05"))

    shop.deliver_lines(*lines(200, 1, "none"), name="lines_2.csv")
    result = shop.run()
    assert result.failed
    told = {
        (row["batch_id"] == "", row["lost_lines"], row["order_lines"])
        for row in failing(result, "quarantine_below_stop")
    }
    assert told == {(True, 6, 101), (False, 1, 1)}
    assert shop.rows("SELECT sum(gmv_eur) FROM gold.sales_daily") == [(Decimal("95.00"),)]
    assert shop.rows("SELECT count(*) FROM silver.quarantine") == [(6,)], "what is wrong can be looked at"

    limited(shop, "quarantine: {stop: 50 %}\n")
    (shop.raw / "lines_2.csv").unlink()
    shop.deliver_lines(*lines(300, 30), name="lines_3.csv")
    result = shop.run()
    assert [row["order_lines"] for row in failing(result, "quarantine_below_stop")] == [1]


def test_a_share_of_the_amount_counts_as_well(shop: Shop) -> None:
    """One line of a hundred, but half of the money: in pounds, which have no rate on that day."""
    limited(shop, "")
    large = "B1,1,1998-01-05 10:00:00,P1,Mug,1,90.00,77,Germany,GBP"
    shop.deliver_lines(*lines(0, 99), large)
    (whole,) = failing(shop.run(until="silver"), "quarantine_below_stop")
    assert whole["line_share"] == Decimal("0.01") and Decimal("0.4") < whole["amount_share"] < Decimal("0.6")


def test_a_delivery_is_held_against_the_limit_by_itself(shop: Shop) -> None:
    """10 of 10 new lines are unreadable, 1 % of the history."""
    limited(shop, "")
    shop.deliver_lines(*lines(0, 1000))
    assert not shop.run(until="silver").failed
    shop.deliver_lines(*lines(1000, 12), *lines(1012, 10, "none"), name="lines_2.csv")
    result = shop.run(until="silver")
    (found,) = failing(result, "quarantine_below_stop")
    assert found["batch_id"] and (found["lost_lines"], found["order_lines"]) == (10, 22)


def test_torn_rows_count(shop: Shop) -> None:
    limited(shop, "quarantine: {warn: 1 %, stop: 20 %}\n")
    shop.deliver_lines(*lines(0, 9), *["torn"] * 3)
    (whole, *_) = failing(shop.run(until="silver"), "quarantine_below_stop")
    assert (whole["lost_lines"], whole["order_lines"]) == (3, 12)


def test_rows_of_nothing_do_not_count(shop: Shop) -> None:
    """Spreadsheets write them below a table; what has as much as one cell is a line that is lost."""
    limited(shop, "")
    shop.deliver_lines(*lines(0, 95), *["," * 9] * 60, ",,,,,,,77,,")
    result = shop.run()
    assert not result.failed, result.faults
    [of_all] = failing(result, "quarantine_below_warn")
    assert (of_all["lost_lines"], of_all["order_lines"], of_all["most_often"]) == (1, 156, "missing_order_id")
    said = {(row["reason"], row["rows"]) for row in result.left_out}
    assert said == {("empty_row", 60), ("missing_order_id", 1)}


def test_a_delivery_that_came_again_right_is_left_out_by_its_number(shop: Shop) -> None:
    """Lines have no number: of 22 lines 10 and 3 torn ones could not be used, and count beside the file that
    has them all. Left out, neither its lines nor its torn rows stop the brand; those that it had right stay.
    """
    limited(shop, "")
    sql = (shop.brand / "order_lines.sql").read_text().replace("line AS line_id,", "")
    (shop.brand / "order_lines.sql").write_text(sql)
    shop.deliver_lines(*lines(0, 100))
    shop.deliver_lines(*lines(100, 12), *lines(112, 10, "none"), *["torn"] * 3, name="lines_2.csv")
    result = shop.run(until="silver")
    [batch] = {row["batch_id"] for row in failing(result, "quarantine_below_stop")} - {""}
    shop.deliver_lines(*lines(100, 22), name="lines_2.csv")
    assert shop.run(until="silver").failed
    left_out = f"CASE WHEN batch_id = '{batch}' THEN 'left_out' END AS problem, qty AS"
    (shop.brand / "order_lines.sql").write_text(sql.replace("qty AS", left_out))
    result = shop.run(until="silver")
    assert not result.failed and not failing(result, "quarantine_below_warn")
    assert shop.rows("SELECT count(*), sum(gmv_eur) FROM silver.sales_clean") == [(122, Decimal("122.00"))]


def test_every_run_says_what_it_left_out(shop: Shop) -> None:
    twice = lines(3, 1, "2.50")
    shop.deliver_lines(*lines(0, 3), *lines(4, 2, "none"), *twice, *twice, "torn")
    expected = [
        ("silver.quarantine", "unreadable_price", 2, None),
        ("silver.duplicates", "within_delivery", 1, Decimal("2.50")),
        ("bronze.rejected", "too_few_columns", 1, None),
    ]
    for result in (shop.run("silver"), shop.run("silver")):
        assert [(r["kept_in"], r["reason"], r["rows"], r["amount"]) for r in result.left_out] == expected
        assert summary(result)["left_out"][1]["amount"] == "2.5000"
    shown = call("run", "--until", "silver", "-C", shop.folder).stdout
    assert "Left out" in shown and "within_delivery" in shown and "2.50 EUR" in shown


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ("{stop: 5}", "expected a share from `0 %` to `100 %`"),
        ("{stop: 101 %}", "expected a share from `0 %` to `100 %`"),
        ("{warn: 6 %}", "`warn` is above `stop`"),
        ("{halt: 6 %}", "unknown key `quarantine.halt`"),
    ],
)
def test_limits_that_are_none(shop: Shop, limits: str, says: str) -> None:
    limited(shop, f"quarantine: {limits}\n")
    with pytest.raises(ConfigError, match=says.replace("`", ".")):
        shop.run()

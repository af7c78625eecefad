"""A third brand is a folder: the files that the manual shows, beside the two worked brands, on an export
nobody prepared for.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from tests.conftest import SHOP_ORDER_LINES, Shop

from mergehouse.cli.scaffold import write_project
from mergehouse.demo import generate
from mergehouse.errors import ConfigError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project
from mergehouse.project.mapping_files import mapping_tables

pytestmark = pytest.mark.slow("a run for each case")

MANUAL = Path(__file__).parents[2] / "docs" / "adding-a-brand.md"
EXPORT = """Order;Sold at;SKU;Pieces;Unit Price;Customer;Country;Kassa
1001;31.12.2024 23:30;850A;2;1 234,50;4711;Sverige;3
1001;31.12.2024 23:30;850A;1;1 234,50;4711;Sverige;3
1002;01.01.2025 09:00;X1;-1;99,00 kr;;Norge;3
"""


def test_the_manuals_brand(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    write_project(folder)
    truth = generate(folder, 3_000, 5)
    text = MANUAL.read_text()
    brand, raw = folder / "brands" / "nordkauf", folder / "raw" / "nordkauf"
    brand.mkdir()
    raw.mkdir()
    (brand / "brand.yml").write_text(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    (brand / "order_lines.sql").write_text(re.findall(r"```sql\n(.*?)```", text, re.DOTALL)[0])
    (brand / "category_map.csv").write_text(re.findall(r"```\n(match,pattern.*?)```", text, re.DOTALL)[0])
    shared = (folder / "brands" / "contoso" / "customer_xref.csv").read_text()
    code = next(str(n) for n in range(12346, 12356) if f"eurostyle,{n}\n" not in shared)
    pair = re.findall(r"```\n(source_customer_id,.*?)```", text, re.DOTALL)[0].replace("13085", code)
    (brand / "customer_xref.csv").write_text(pair)
    (raw / "sales_2024.csv").write_bytes(EXPORT.encode("cp1252"))

    result = run(load_project(folder))
    assert not result.failed
    lakehouse = Lakehouse(folder / "lakehouse")
    lines = lakehouse.query(
        "SELECT order_id, strftime(order_ts AT TIME ZONE 'UTC', '%H:%M'), quantity, amount_original,"
        " fx_rate_date::VARCHAR, country_code, category, line_type FROM silver.sales_clean WHERE"
        " source_system = 'nordkauf' ORDER BY source_row"
    ).fetchall()
    assert lines == [
        ("1001", "22:30", 2, Decimal("2469"), "2024-12-31", "SE", "Ornaments & decorations", "sale"),
        ("1001", "22:30", 1, Decimal("1234.5"), "2024-12-31", "SE", "Ornaments & decorations", "sale"),
        ("1002", "08:00", -1, Decimal("-99"), "2024-12-31", "NO", "Unmapped", "return"),
    ]
    gmv = dict(
        lakehouse.query("SELECT source_system, sum(gmv_eur) FROM gold.sales_daily GROUP BY 1").fetchall()
    )
    assert {b: gmv[b] for b in truth["brands"]} == {
        b: Decimal(t["kpis"]["gmv"]) for b, t in truth["brands"].items()
    }
    both = lakehouse.query(
        f"SELECT source_system FROM gold.customer_360 WHERE customer_id = 'eurostyle:{code}'"
    ).fetchall()
    assert both == [("both",)]
    assert lakehouse.query("SELECT kassa FROM bronze.nordkauf_sales LIMIT 1").fetchall() == [("3",)]


def test_a_category_of_its_own_is_taken_as_written_and_reported(shop: Shop) -> None:
    """A brand may sell what nobody in the group did: cost is estimated by the rate of Unmapped until somebody
    gives another.
    """
    shop.deliver_lines("A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR")
    (shop.brand / "category_map.csv").write_text(
        "match,pattern,department,category\nname,MUG,Tableware,Mugs\n"
    )
    result = shop.run()
    assert not result.failed
    sold = "SELECT category, gmv_eur, margin_eur, margin_method FROM gold.category_perf"
    assert shop.rows(sold) == [("Mugs", Decimal("10.00"), Decimal("5.00"), "estimated")]
    finding = next(c for c in result.checks if c.check == "category_in_hierarchy")
    assert (finding.severity, finding.sample) == ("warn", [{"department": "Tableware", "category": "Mugs"}])

    with (shop.folder / "mappings" / "hierarchy.csv").open("a") as file:
        file.write("Tableware,Mugs,0.30,counted\n")
    result = shop.run()
    assert shop.rows(sold) == [("Mugs", Decimal("10.00"), Decimal("7.00"), "estimated")]
    assert not [c for c in result.checks if c.check == "category_in_hierarchy" and not c.passed]


RATES = "currency,rate_date,units_per_eur\nAED,2026-01-01,4\nAED,2026-02-01,5\nUSD,2026-01-05,99\n"


def test_a_currency_that_the_ecb_does_not_publish(shop: Shop) -> None:
    """A brand's own rate holds until the next, for 31 days; where the ECB has a rate, a brand's does not
    count.
    """
    days = {
        "A1": "2025-12-31",
        "A2": "2026-01-01",
        "A3": "2026-01-31",
        "A4": "2026-03-04",
        "A5": "2026-03-05",
    }
    lines = [f"{order},1,{day} 10:00:00,P1,Mug,1,100.00,77,Germany,AED" for order, day in days.items()]
    shop.deliver_lines(*lines, "B1,1,2026-01-05 10:00:00,P1,Mug,1,100.00,77,Germany,USD")
    (shop.brand / "fx_rates.csv").write_text(RATES)
    checks = shop.run(until="silver").checks
    assert [c.check for c in checks if c.stops_publication] == ["rate_is_known"]
    sold = dict(shop.rows("SELECT order_id, amount_eur FROM silver.sales_clean WHERE currency = 'AED'"))
    assert sold == {"A2": Decimal("25.00"), "A3": Decimal("25.00"), "A4": Decimal("20.00")}
    assert shop.rows("SELECT order_id, reason_code FROM silver.quarantine ORDER BY 1") == [
        ("A1", "no_fx_rate"),
        ("A5", "no_fx_rate"),
    ]
    assert shop.rows(
        "SELECT published_by FROM silver.fx_rates_eur WHERE currency = 'USD' AND rate_date = '2026-01-05'"
    ) == [("ecb",)]
    assert shop.rows("SELECT amount_eur > 50 FROM silver.sales_clean WHERE currency = 'USD'") == [(True,)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("AED,01/02/2026,4", "found `AED,01/02/2026,4`"),
        ("AED,2026-02-30,4", "found `AED,2026-02-30,4`"),
        ("aed,2026-02-03,4", "expected a currency, a day"),
        ('AED,2026-02-03,"4,1"', "such as `AED,2026-01-31,3.9925`"),
        ("AED,2026-02-03,0", "expected 0.0001 to 10,000,000 units"),
        ("AED,2026-01-01,4.5", "4.5 AED on 2026-01-01, and 4 before"),
    ],
)
def test_rates_that_cannot_be_read_are_named(shop: Shop, row: str, says: str) -> None:
    (shop.brand / "fx_rates.csv").write_text(f"{RATES}{row}\n")
    with pytest.raises(ConfigError) as error:
        mapping_tables(shop.project)
    assert f"{shop.brand / 'fx_rates.csv'}, row 5: " in str(error.value) and says in str(error.value)


def test_a_price_per_unit_is_divided_exactly(shop: Shop) -> None:
    """2.3225 / 2 is 1.16125; and what is divided by nothing has no price."""
    (shop.brand / "order_lines.sql").write_text(
        SHOP_ORDER_LINES.replace("price AS unit_price", "price / qty AS unit_price")
    )
    line = "A1,1,2026-03-01 10:00:00,P1,Mug,2,2.3225,77,Germany,EUR"
    shop.deliver_lines(line, line.replace("A1", "A2").replace(",2,", ",0,"))
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT unit_price FROM silver.sales_clean") == [(Decimal("1.16125"),)]
    assert shop.rows("SELECT order_id, reason_code FROM silver.quarantine") == [("A2", "unreadable_price")]

"""Alignment: what one side was changed by is found and named, and what is tolerated is not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.command import call
from tests.conftest import Demo
from tests.pipeline.test_ingest import tables

import mergehouse.release.compare.compare
from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.errors import LakehouseError
from mergehouse.json_text import json_text
from mergehouse.release.compare.compare import Comparison, compare, compare_sides
from mergehouse.release.compare.distribution import distance
from mergehouse.release.compare.page import comparison_page
from mergehouse.release.compare.sides import Side

pytestmark = pytest.mark.slow("whole lakehouses are compared")

Change = Callable[[Path], None]


def found(result: Comparison) -> set[tuple[str, str]]:
    return {(difference.what, difference.where) for difference in result.differences}


def update(table: str, where: str, **values: str) -> Change:
    return lambda lakehouse: (
        DeltaTable(lakehouse / "Tables/gold" / table).update(predicate=where, updates=values) and None
    )


def test_a_release_that_came_in_is_aligned_with_the_lakehouse_it_is_from(demo: Demo, ingested: Path) -> None:
    project, truth, _ = demo
    result = compare(project.lakehouse_location, str(ingested))
    # not its two logs
    assert (
        result.aligned
        and len(result.tables) == len(list((ingested / "Tables/gold").glob("*/_delta_log"))) - 2
    )
    for table in result.tables:
        assert table.left_rows == table.right_rows == tables(ingested).rows(table.name)
        assert table.sampled == min(200, table.left_rows)
        assert all(column.distance in (None, 0) and column.differing == 0 for column in table.columns)
    for brand, figures in truth["brands"].items():
        assert [Decimal(value or 0) for value in result.kpis["gmv"][brand]] == [
            Decimal(figures["kpis"]["gmv"])
        ] * 2


def test_what_columns_hold_is_what_they_hold(demo: Demo, ingested: Path) -> None:
    sales = tables(ingested).table("sales_daily").polars()
    table = next(
        t for t in compare(demo[0].lakehouse_location, str(ingested)).tables if t.name == "sales_daily"
    )
    columns = {column.name: column for column in table.columns}
    gmv, aov, day = columns["gmv_eur"].left, columns["aov_eur"].left, columns["order_date"].left
    assert (gmv.low, gmv.high) == (sales["gmv_eur"].min(), sales["gmv_eur"].max())
    assert gmv.mean == pytest.approx(float(sales["gmv_eur"].cast(float).mean()))
    assert aov.nulls == sales["aov_eur"].null_count() and (day.low, day.high) == (
        sales["order_date"].min(),
        sales["order_date"].max(),
    )
    assert columns["source_system"].left_shares == pytest.approx(
        {
            **{name: n / sales.height for name, n in sales.group_by("source_system").len().iter_rows()},
            "other": 0,
            "empty": 0,
        }
    )
    assert sum(columns["gmv_eur"].left_shares.values()) == pytest.approx(1)


CASES: dict[str, tuple[Change, set[tuple[str, str]], str]] = {
    "a cent": (
        update("sales_daily", "orders > 0 AND country_code = 'FR'", gmv_eur="gmv_eur + 0.01"),
        {("values", "sales_daily.gmv_eur"), ("kpi", "gmv")},
        (
            r"rows differ, for example order_date = \d{4}-\d\d-\d\d, source_system = \w+, country_code = FR:"
            r" \d+\.\d\d and \d+\.\d\d"
        ),
    ),
    "rows gone": (
        lambda lakehouse: (
            DeltaTable(lakehouse / "Tables/gold/dim_product").delete("product_id LIKE '%5'") and None
        ),
        {("rows", "dim_product"), ("keys", "dim_product")},
        r"rows are only on the left, for example product_id = \S*5",
    ),
    "a key of another": (
        update("dim_brand", "source_system = 'contoso'", source_system="'conto'"),
        {("keys", "dim_brand")},
        "1 rows are only on the right, for example source_system = conto",
    ),
    "a value emptied": (
        update("sales_daily", "aov_eur > 100", aov_eur="NULL"),
        {("values", "sales_daily.aov_eur"), ("distribution", "sales_daily.aov_eur")},
        "stability index",
    ),
    "another segment": (
        update("customer_360", "segment = 'Champions'", segment="'Lost'"),
        {("values", "customer_360.segment"), ("distribution", "customer_360.segment")},
        ": Champions and Lost",
    ),
    "a table gone": (
        lambda lakehouse: shutil.rmtree(lakehouse / "Tables/gold/dim_date"),
        {("table", "dim_date")},
        "it is not in",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_change_is_found_and_named(demo: Demo, fabric: Path, case: str) -> None:
    change, expected, words = CASES[case]
    change(fabric)
    result = compare(demo[0].lakehouse_location, str(fabric))
    assert not result.aligned and expected <= found(result)
    assert re.search(words, " ".join(difference.message for difference in result.differences))
    others = {
        where.split(".")[0]
        for _, where in found(result)
        if where.split(".")[0] in {t.name for t in result.tables}
    }
    assert others <= {where.split(".")[0] for _, where in expected}, "no other table is blamed"


def test_another_type_and_a_column_too_many_or_too_few(demo: Demo, fabric: Path) -> None:
    path = fabric / "Tables/gold/dim_brand"
    rows = tables(fabric).table("dim_brand").arrow()  # noqa: F841 - read by DuckDB under its variable name
    changed = duckdb.sql(
        "SELECT * EXCLUDE (currency) REPLACE (CAST(as_of_date AS VARCHAR) AS as_of_date), 1 AS extra FROM"
        " rows"
    )
    write_deltalake(path, changed, mode="overwrite", schema_mode="overwrite")
    result = compare(demo[0].lakehouse_location, str(fabric))
    assert found(result) == {("schema", f"dim_brand.{name}") for name in ("currency", "as_of_date", "extra")}
    messages = {d.where: d.message for d in result.differences}
    assert messages["dim_brand.as_of_date"] == "date on the left, varchar on the right."
    assert messages["dim_brand.currency"] == "varchar on the left, absent on the right."


def test_a_table_without_its_key_is_named_and_no_more_is_asked_of_it(demo: Demo, fabric: Path) -> None:
    rows = tables(fabric).table("dim_date").arrow()  # noqa: F841 - read by DuckDB under its variable name
    keyless = duckdb.sql("SELECT * EXCLUDE (date) FROM rows")
    write_deltalake(fabric / "Tables/gold/dim_date", keyless, mode="overwrite", schema_mode="overwrite")
    result = compare(demo[0].lakehouse_location, str(fabric))
    assert found(result) == {("schema", "dim_date.date")} and "dim_date" in comparison_page(result)


def test_nobodys_person_is_in_the_report(demo: Demo, fabric: Path) -> None:
    update("dim_customer", "true", gender="'Unheard-of'")(fabric)
    result = compare(demo[0].lakehouse_location, str(fabric))
    assert found(result) == {("values", "dim_customer.gender")}
    assert "Unheard-of" not in json_text(result.as_json()) + comparison_page(result)


SCORES = Contract(
    table="gold.customer_scores_gold", grain="one customer", meaning="Scores", key=["customer_id"],
    columns={"customer_id": ColumnContract(type="string", meaning="Customer", nullable=False,
        pii="pseudonym"),
             "p": ColumnContract(type="decimal(18,8)", meaning="Chance"),
             "clv_eur": ColumnContract(type="decimal(18,2)", meaning="Value")},
)  # fmt: skip


@pytest.mark.parametrize(
    ("off", "aligned"),
    [("0", True), ("0.00000099", True), ("0.00000101", False), ("-0.00000099", True), ("-0.0001", False)],
)
def test_scores_agree_within_a_millionth(monkeypatch: pytest.MonkeyPatch, off: str, aligned: bool) -> None:
    monkeypatch.setattr(
        mergehouse.release.compare.compare, "contracts", lambda: {"customer_scores_gold": SCORES}
    )
    connection = duckdb.connect()
    scores = "CAST(0.1 * (i % 7) AS DECIMAL(18,8)) AS p, CAST(i AS DECIMAL(18,2)) AS clv_eur"
    base = f"SELECT 'c' || i AS customer_id, {scores} FROM range(5000) AS r(i)"
    types = {"customer_id": "VARCHAR", "p": "DECIMAL(18,8)", "clv_eur": "DECIMAL(18,2)"}
    for schema, sql in (
        ("a", base),
        ("b", f"SELECT * REPLACE (CAST(p + {off} AS DECIMAL(18,8)) AS p) FROM ({base})"),
    ):
        connection.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.customer_scores_gold AS {sql}")
    sides = [Side(schema, schema, {"customer_scores_gold": types}) for schema in "ab"]
    result = compare_sides(connection, *sides)
    assert result.aligned is aligned
    if not aligned:
        assert ("values", "customer_scores_gold.p") in found(
            result
        ) and "5,000 rows differ" in result.differences[0].message


def test_one_cell_of_many_that_no_sample_meets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mergehouse.release.compare.compare, "contracts", lambda: {"customer_scores_gold": SCORES}
    )
    connection = duckdb.connect()
    base = (
        "SELECT 'c' || i AS customer_id, 0.5::DECIMAL(18,8) AS p, i::DECIMAL(18,2) AS clv_eur FROM"
        " range(100000) AS r(i)"
    )
    types = {"customer_id": "VARCHAR", "p": "DECIMAL(18,8)", "clv_eur": "DECIMAL(18,2)"}
    swapped = "CASE customer_id WHEN 'c7' THEN 8.00 WHEN 'c8' THEN 7.00 ELSE clv_eur END::DECIMAL(18,2)"
    for schema, sql in (
        ("a", base),
        ("b", f"SELECT * REPLACE ({swapped} AS clv_eur) FROM ({base}) ORDER BY hash(customer_id)"),
    ):
        connection.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.customer_scores_gold AS {sql}")
    result = compare_sides(
        connection, *(Side(schema, schema, {"customer_scores_gold": types}) for schema in "ab")
    )
    (only,) = result.differences
    assert (only.where, only.message) == (
        "customer_scores_gold.clv_eur",
        "2 rows differ, for example customer_id = c7: 7.00 and 8.00; customer_id = c8: 8.00 and 7.00.",
    )
    assert result.tables[0].sampled == 200, "the same keys on both sides, whatever the order of rows"


def test_a_merged_table_may_hold_more_on_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    merged = SCORES.model_copy(update={"release": "merge"})
    monkeypatch.setattr(
        mergehouse.release.compare.compare, "contracts", lambda: {"customer_scores_gold": merged}
    )
    connection, types = (
        duckdb.connect(),
        {"customer_id": "VARCHAR", "p": "DECIMAL(18,8)", "clv_eur": "DECIMAL(18,2)"},
    )
    for schema, count in (("a", 5), ("b", 8)):
        rows = (
            "SELECT 'c' || i AS customer_id, 0.5::DECIMAL(18,8) AS p, i::DECIMAL(18,2) AS clv_eur FROM"
            f" range({count}) AS r(i)"
        )
        connection.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.customer_scores_gold AS {rows}")
    small, large = (Side(schema, schema, {"customer_scores_gold": types}) for schema in "ab")
    result = compare_sides(connection, small, large)
    assert result.aligned and (result.tables[0].right_rows, result.tables[0].added) == (5, 3)
    assert ("keys", "customer_scores_gold") in found(compare_sides(connection, large, small))


def test_the_stability_index_is_the_textbooks() -> None:
    assert distance({"x": 0.5, "y": 0.5}, {"x": 0.5, "y": 0.5}) == 0
    # (0.5 - 0.25) ln(0.5 / 0.25) + (0.5 - 0.75) ln(0.5 / 0.75) = 0.25 * 0.693147 + 0.25 * 0.405465
    assert distance({"x": 0.5, "y": 0.5}, {"x": 0.25, "y": 0.75}) == pytest.approx(0.274653, abs=1e-6)
    assert distance({"x": 1.0, "y": 0.0}, {"x": 0.0, "y": 1.0}) == pytest.approx(
        2 * 0.9999 * 9.21034, abs=1e-3
    )


def test_empty_tables_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mergehouse.release.compare.compare, "contracts", lambda: {"customer_scores_gold": SCORES}
    )
    connection, types = (
        duckdb.connect(),
        {"customer_id": "VARCHAR", "p": "DECIMAL(18,8)", "clv_eur": "DECIMAL(18,2)"},
    )
    for schema in "ab":
        columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
        connection.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.customer_scores_gold ({columns})")
    result = compare_sides(
        connection, *(Side(schema, schema, {"customer_scores_gold": types}) for schema in "ab")
    )
    assert result.aligned and result.tables[0].sampled == 0 and "Aligned" in comparison_page(result)


def test_the_command_says_it_in_its_exit_code_and_writes_the_report(
    demo: Demo, fabric: Path, tmp_path: Path
) -> None:
    command = ["compare", demo[0].lakehouse_location, fabric]
    good = call(*command, "--to", tmp_path / "out").stdout
    assert "both sides hold the same" in good and "alignment.html" in good
    page = (tmp_path / "out/alignment.html").read_text()
    assert json.loads((tmp_path / "out/alignment.json").read_text())["aligned"] is True
    assert "Aligned: both sides hold the same." in page and not re.search(r'(src|href)="(?!#)', page), (
        "loads nothing from elsewhere"
    )
    update("sales_daily", "country_code = 'FR'", gmv_eur="gmv_eur + 1")(fabric)
    bad = json.loads(call(*command, "--json", code=1).stdout)
    assert ["values", "sales_daily.gmv_eur"] in [[d["what"], d["where"]] for d in bad["differences"]]


def test_a_place_without_tables_says_what_was_meant(demo: Demo, ingested: Path) -> None:
    with pytest.raises(
        LakehouseError,
        match=r"expected those of a release in gold/ or Tables/gold/\. Did you mean .*/lakehouse\?",
    ):
        compare(str(Path(demo[0].lakehouse_location).parent), str(ingested))
    call("compare", "/nowhere", "s4://x/y", code=2)

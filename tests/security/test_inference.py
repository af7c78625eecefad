"""What nobody is told cannot be worked out from what they are."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from tests.security.merged import SHOP, Merged

from mergehouse.access.definitions import extracts
from mergehouse.access.small_cells import LEAST, levels

PARTS = {"came_back", "churned", "active_customers", "repeat_customers"}  # of customers
CUTS = ("all", "brand", "region", "country")


def cells(merged: Merged, role: str, address: str) -> list[dict[str, object]]:
    answer = merged.asks(role).get(f"/api/v1{address}")
    return list(answer.json()["rows"]) if answer.status_code == 200 else []


def small(value: object) -> bool:
    return value is not None and 0 < int(str(value)) < LEAST


def is_of_few(row: dict[str, object], part: str) -> bool:
    """Whether it tells of fewer than five who are of a part, or are not."""
    size = row[part]
    return size is not None and min(int(str(size)), int(str(row["customers"])) - int(str(size))) < LEAST


def test_there_are_small_groups_to_be_found(merged: Merged) -> None:
    """The executive, who may see persons, is told of them."""
    rows = cells(merged, "executive", "/kpis/values?by=country&brand=zebra&kpi=customers")
    assert [row["part"] for row in rows if small(row["customers"])]
    segments = cells(merged, "executive", "/segments?brand=shop")
    assert any(small(row["customers"]) for row in segments)
    assert any(is_of_few(row, "churned") for row in segments)
    assert any(
        is_of_few(row, "repeat_customers") for row in cells(merged, "executive", "/kpis/values?by=country")
    )


@pytest.mark.parametrize("role", ["marketing", "two"])
def test_no_figure_is_of_fewer_than_five(merged: Merged, role: str) -> None:
    for brand in ("", "&brand=shop", "&brand=zebra"):
        for place in (
            "",
            "&region=South Europe",
            "&region=North Europe",
            "&country=MT",
            "&country=DE",
            "&country=ES",
        ):
            kpis = "kpi=customers&kpi=active_customers&kpi=repeat_customers&kpi=repeat_rate"
            asked = [f"/kpis/values?by={by}&{kpis}{brand}{place}" for by in CUTS]
            asked += [f"/segments?by={by}{brand}{place}" for by in ("segment", "region")]
            for address in (*asked, f"/risk-and-value?{(brand + place)[1:]}"):
                for row in cells(merged, role, address):
                    assert not small(row.get("customers")), (address, row)
                    for part in PARTS.intersection(row):
                        assert not is_of_few(row, part), (address, row)


def test_no_file_of_who_may_see_no_persons_has_a_small_cell(merged: Merged) -> None:
    """Every count of customers in every file: what no page can tell."""
    found = 0
    for roles in (("marketing",), (SHOP, "marketing")):
        for file in sorted(merged.folder_of(*roles).glob("*.parquet")):
            columns = duckdb.sql(f"FROM read_parquet('{file}') LIMIT 0").columns
            if "customers" in columns:
                ((least,),) = duckdb.sql(f"SELECT MIN(customers) FROM read_parquet('{file}')").fetchall()
                assert least is None or least >= LEAST or file.stem.startswith("gold."), file.stem
                found += 1
            for part in PARTS.intersection(columns) if "customers" in columns else ():
                of = f"SELECT MIN(LEAST({part}, customers - {part})) FROM read_parquet('{file}')"
                ((least,),) = duckdb.sql(f"{of} WHERE {part} IS NOT NULL").fetchall()
                assert least is None or least >= LEAST, (file.stem, part)
            assert "customer_id" not in columns and "source_customer_id" not in columns, file.stem
    assert found > 10


def test_none_and_few_look_the_same(merged: Merged) -> None:
    """A country with four customers or fewer, and one with none."""
    rows = cells(merged, "marketing", "/kpis/values?by=country&brand=zebra&kpi=customers")
    assert {row["part"] for row in rows} <= {"DE", "FR", "ES", "MT"}
    few = cells(merged, "marketing", "/kpis/values?by=all&brand=zebra&country=MT&kpi=customers")
    assert not [row for row in few if row["customers"] is not None]


def test_a_manager_cannot_subtract(merged: Merged) -> None:
    """All that a brand manager is told in sum is the brand's own."""
    for kpi in ("gmv", "net_revenue", "orders", "customers"):
        whole = cells(merged, SHOP, f"/kpis/values?by=all&kpi={kpi}")
        of_brand = cells(merged, SHOP, f"/kpis/values?by=all&brand=shop&kpi={kpi}")
        assert whole == of_brand and whole
        (group,) = cells(merged, "executive", f"/kpis/values?by=all&kpi={kpi}")
        assert Decimal(str(group[kpi])) > Decimal(str(whole[0][kpi]))
    assert "cube.overlap" not in merged.reader(SHOP).tables


def test_a_step_of_a_limit_moves_five_or_none(merged: Merged) -> None:
    """Between two limits that lie next to each other are five customers or more, or none: at every brand, in
    every file of who may see no persons.
    """
    tried = 0
    for extract in extracts():
        file = merged.folder_of("marketing") / f"{extract.name}.parquet"
        for level in levels(extract.sql) if file.exists() else ():
            if level.in_order:
                of = f"read_parquet('{file}') GROUP BY source_system, {level.column}"
                steps = duckdb.sql(f"SELECT SUM(customers) FROM {of}").fetchall()
                assert all(customers >= LEAST for (customers,) in steps), (extract.name, level)
                tried += len(steps)
    assert tried > 20


def test_limits_between_those_of_the_grid_are_refused(merged: Merged) -> None:
    person = merged.asks("marketing")
    for asked in ("days=61", "days=61.5", "chance=0.5", "chance=51", "top=3", "r5=1.5", "f2=1.5", "days=-60"):
        assert person.get(f"/what-if?{asked}").status_code == 422, asked


def test_what_brands_have_in_common_is_not_told_by_difference(merged: Merged) -> None:
    each = {
        row["part"]: row["customers"]
        for row in cells(merged, "marketing", "/kpis/values?by=brand&kpi=customers")
    }
    assert len(each) == 2 and all(each.values())
    answer = merged.asks("marketing").get("/api/v1/kpis/values?by=all&kpi=customers")
    assert (answer.status_code, answer.json()["rows"]) == (200, [])
    (all_told,) = cells(merged, "analyst", "/kpis/values?by=all&kpi=customers")
    assert small(sum(map(int, each.values())) - int(all_told["customers"]))  # which is hidden

"""Pairs of customer_xref.csv: whoever they join, by however many steps, is one customer."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, Shop

from mergehouse.errors import ConfigError
from mergehouse.project.known_pairs import Numbered, decisions
from mergehouse.project.mapping_files import mapping_tables

HEADER = "source_customer_id,other_source_system,other_source_customer_id\n"


@pytest.fixture
def known(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def groups(shop: Shop, *pairs: str) -> dict[str, str]:
    (shop.brand / "customer_xref.csv").write_text(HEADER + "\n".join(pairs) + "\n")
    rows = mapping_tables(shop.project)["customer_groups"][1]
    return {f"{brand}:{code}": str(customer) for brand, code, customer in rows}


def test_a_chain_of_any_length_is_one_customer_in_whatever_order(known: Shop) -> None:
    chain = [f"{number},shop,{number + 1}" for number in range(1000, 1050)]
    shuffled = chain[::3] + chain[1::3][::-1] + chain[2::3]
    found = groups(known, *shuffled, "77,shop,78")
    assert found == {f"shop:{number}": "shop:1000" for number in range(1000, 1051)} | {
        "shop:77": "shop:77",
        "shop:78": "shop:77",
    }


def test_numbers_are_read_as_codes_are(known: Shop) -> None:
    known.another("other")
    found = groups(known, "13085.0,Other,a1", "\u00a013085\u200b,other,b2", "1.50,other,c3")
    assert found == {
        **dict.fromkeys(["shop:13085", "other:A1", "other:B2"], "other:A1"),
        **dict.fromkeys(["shop:1.50", "other:C3"], "other:C3"),
    }


def test_case_counts_where_the_customers_column_tells_it(known: Shop) -> None:
    other = known.another("other")
    other.configure(SHOP_BRAND.replace("customer: {type: code}", "customer: {type: id}"))
    assert groups(known, "a1,other,b2", '="a3",other,B2') == {
        **dict.fromkeys(["shop:A1", "other:b2"], "other:b2"),
        **dict.fromkeys(["shop:A3", "other:B2"], "other:B2"),
    }


def test_an_empty_cell_is_named(known: Shop) -> None:
    with pytest.raises(ConfigError) as error:
        groups(known, "1,shop,2", "3,shop,")
    file = known.brand / "customer_xref.csv"
    assert str(error.value) == (
        f"{file}, row 3: found an empty cell; expected source_customer_id, other_source_system,"
        " other_source_customer_id."
    )


def test_customers_of_a_chain_are_one_and_unknown_ones_are_said(shop: Shop) -> None:
    lines = [
        f"A{n},1,2026-03-01 10:00:00,P1,Mug,1,5.00,{customer},DE,EUR"
        for n, customer in enumerate(["a1", "B2", "C3", "D4", "E5", "F6", "H8"])
    ]
    shop.deliver_lines(*lines)
    pairs = ["A1,shop,b2", "B2,shop,C3", "C3,shop,D4", "D4,shop,E5", "F6,nobody,1", "F6,shop,G7"]
    pairs += ["H8,shop,G7", "H8,shop,J9"]  # F6 and H8 are one with G7, who has bought nothing
    (shop.brand / "customer_xref.csv").write_text(HEADER + "\n".join(pairs) + "\n")
    result = shop.run()
    assert not result.failed
    bought = "SELECT customer_id, frequency FROM gold.customer_360 ORDER BY frequency"
    assert shop.rows(bought) == [("shop:F6", 2), ("shop:A1", 5)]
    finding = next(c for c in result.checks if c.check == "known_pairs_exist")
    assert [tuple(row.values()) for row in finding.sample] == [
        ("shop", "F6", "nobody", "1"),
        ("shop", "F6", "shop", "G7"),
        ("shop", "H8", "shop", "G7"),
        ("shop", "H8", "shop", "J9"),
    ]


def test_several_numbers_of_a_brand_that_pairs_make_one_are_said(shop: Shop) -> None:
    """1 is paired with 7 and 8, and 2 with 9, which 3 is paired with; 4 with 5 and 6, said to be one."""
    other = shop.another("other")
    for brand, customers in ((shop, "1234"), (other, "56789")):
        brand.deliver_lines(*(f"A{c},1,2026-03-01 10:00:00,P1,Mug,1,5.00,{c},DE,EUR" for c in customers))
    pairs = ["1,other,7", "1,other,8", "2,other,9", "3,other,9", "4,other,5", "4,other,6"]
    (shop.brand / "customer_xref.csv").write_text(HEADER + "\n".join(pairs) + "\n")
    (other.brand / "customer_xref.csv").write_text(HEADER + "5,other,6\n6,other,5\n")
    result = shop.run(select="+silver.customer_xref")
    finding = next(c for c in result.checks if c.check == "known_pairs_join_one_of_a_brand")
    assert (finding.severity, finding.failures) == ("warn", 2)
    assert [tuple(row.values()) for row in finding.sample] == [("other", 2, "7", "8"), ("shop", 2, "2", "3")]


def test_the_later_of_two_decisions_counts_however_their_instants_are_written(known: Shop) -> None:
    """In turn: 30 April, 1 May, half past 3 and half past 4 UTC of that day, and 2 May."""
    written = ("20260430", "2026-05-01", "2026-05-01 03:30:00Z", "2026-04-30T23:30:00-05:00", "2026-05-02")
    rows: list[Numbered] = [
        (line, ["shop", "1", "other", "9", "same", "me", at, None])
        for line, at in enumerate(written, start=2)
    ]
    found = [row[7] for row in decisions(known.project, Path("identity_decisions.csv"), rows)[1]]
    assert found == [
        "2026-04-30", "2026-05-01", "2026-05-01T03:30:00Z", "2026-05-01T04:30:00Z", "2026-05-02",
    ]  # fmt: skip
    assert found == sorted(map(str, found))

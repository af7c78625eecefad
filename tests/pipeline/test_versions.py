"""Of two versions of what a brand delivers the later counts, by the rules that its brand.yml declares;
whatever is delivered in turn equals one full rebuild.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from tests.conftest import SHOP_BRAND, Shop
from tests.pipeline.rebuilds import differences

from mergehouse.ingest.bronze import IngestResult
from mergehouse.pipeline.results import RunResult
from mergehouse.quality.brand_folders import check_brand_folders

pytestmark = pytest.mark.slow("several deliveries, and rebuilds to compare with")

COLUMNS = {
    "number": "code", "line": "code", "sold_at": "timestamp", "item": "code", "pieces": "number",
    "price": "number", "customer": "code", "shop": "code", "status": "text", "changed_at": "timestamp",
    "gone": "boolean", "operation": "code",
}  # fmt: skip
BRAND = """
label: {name}
currency: EUR
{rules}
sources:
  lines:
    files: "lines*"
    {of_source}
    columns:
{columns}
  heads:
    files: "heads*"
    optional: true
    key: [number]
    updated_at: revision
    deleted: deleted_at
    columns:
      number: {{type: code}}
      status: {{type: text}}
      revision: {{type: number}}
      deleted_at: {{type: date}}
"""
HEADS = "number,status,revision,deleted_at"
UNNUMBERED = """
SELECT number AS order_id, sold_at AS order_local_ts, item AS product_code, pieces AS quantity,
  price AS unit_price, customer AS customer_code, status, batch_id, source_row, ingest_ts
FROM lines
"""
HEADED = """
SELECT l.number AS order_id, l.sold_at AS order_local_ts, l.item AS product_code, l.pieces AS quantity,
  l.price AS unit_price, h.status, CASE WHEN h.number IS NULL THEN 'no_head' END AS problem,
  l.batch_id, l.source_row, l.ingest_ts
FROM lines AS l LEFT JOIN heads AS h ON h.number = l.number
"""
LATEST = (
    "status, CASE WHEN ROW_NUMBER() OVER (PARTITION BY line ORDER BY ingest_ts DESC, source_row DESC) > 1"
    " THEN 'left_out' END AS problem,"
)
NUMBERED = UNNUMBERED.replace("SELECT", "SELECT line AS line_id,")
WITHIN = NUMBERED.replace(
    "FROM lines", "FROM (SELECT *, COUNT(*) OVER (PARTITION BY number) FROM lines) AS l"
)
WITH_CTES = f"WITH a AS (SELECT * FROM lines), b AS (SELECT a.*, 1 FROM a) {NUMBERED}".replace(
    "FROM lines\n", "FROM b\n"
)


def line(number: str = "A1", n: int = 1, day: int = 1, pieces: int = 1, **others: str) -> str:
    """A line of an order: so many mugs at 5 euros, of a product that has the line's number."""
    cells = {
        "number": number, "line": n, "sold_at": f"2026-03-{day:02} 10:00:00", "item": f"P{n}",
        "pieces": pieces, "price": "5.00", "customer": "77", **others,
    }  # fmt: skip
    return ",".join(str(cells.get(name, "")) for name in COLUMNS)


def brand_yml(name: str, rules: str, of_source: str) -> str:
    columns = "\n".join(f"      {column}: {{type: {kind}}}" for column, kind in COLUMNS.items())
    return BRAND.format(name=name, rules=rules, of_source=of_source, columns=columns)


Deliveries = list[dict[str, list[str]]]  # the files that come together, in turn
# what brand.yml says of the brand and of its source, the brand's SQL, what is delivered
BRANDS: dict[str, tuple[str, str, str, Deliveries]] = {
    "undeclared": ("", "", UNNUMBERED, [
        {"lines_1": [line("A1", pieces=2), line("A2", pieces=1)]},
        {"lines_2": [line("A1", pieces=3), line("A2", pieces=1)]},
    ]),
    "by_line": ("replaces: line", "", NUMBERED, [
        {"lines_1": [line("A1", n=1, pieces=2), line("A1", n=2, pieces=4)]},
        {"lines_2": [line("A1", n=1, pieces=3)]},
    ]),
    "by_order": ("replaces: order", "", UNNUMBERED, [
        {"lines_1": [line("A1", n=1, pieces=2), line("A1", n=2, pieces=4), line("A2", pieces=1)]},
        {"lines_2": [line("A1", n=1, pieces=3), line("A3", pieces=7)]},
    ]),
    "by_day": ("replaces: day", "", UNNUMBERED, [
        {"lines_1": [line("A1", day=1), line("A2", day=1, pieces=2), line("A3", day=2, pieces=4),
                     line("A4", day=3)]},
        {"lines_2": [line("A1", day=1, pieces=3), line("A9", day=3, pieces=9)]},
    ]),
    "by_period": ("replaces: period", "", UNNUMBERED, [
        {"lines_1": [line("A1", day=1), line("A2", day=2, pieces=2), line("A3", day=3),
                     line("A4", day=4, pieces=4)]},
        {"lines_2": [line("A1", day=1, pieces=3), line("A3", day=3, pieces=9)]},
    ]),
    "by_number_of_file": ("", "", NUMBERED, [
        {"lines_10": [line("A1", pieces=10)], "lines_9": [line("A1", pieces=9)]},
    ]),
    "late": ("replaces: line", "", NUMBERED, [
        {"lines_2026-04": [line("A1", pieces=4)]}, {}, {"lines_2026-03": [line("A1", pieces=3)]},
    ]),
    "by_time": ("", "updated_at: changed_at", NUMBERED, [
        {"lines_1": [line("A1", pieces=3, changed_at="2026-03-03 12:00:00")]},
        {"lines_2": [line("A1", pieces=2, changed_at="2026-03-02 12:00:00"),
                     line("A2", pieces=5, changed_at="2026-03-02 12:00:00")]},
    ]),
    "without_time": ("", "updated_at: changed_at", NUMBERED, [
        {"lines_1": [line("A1", pieces=3, changed_at="2026-03-03"), line("A2", pieces=4),
                     line("A3", pieces=6, changed_at="2026-03-03"), line("A3", pieces=7)]},
        {"lines_2": [line("A1", pieces=2), line("A2", pieces=5, changed_at="2026-03-02")]},
    ]),
    "orders_without_time": ("replaces: order", "updated_at: changed_at", UNNUMBERED, [
        {"lines_1": [line("A1", pieces=3, changed_at="2026-03-03"), line("A2")]},
        {"lines_2": [line("A1", pieces=2), line("A2", pieces=5)]},
    ]),
    "orders_by_time": ("replaces: order", "updated_at: changed_at", UNNUMBERED, [
        {"lines_1": [line("A1", pieces=3, changed_at="2026-03-03")]},
        {"lines_2": [line("A1", n=1, pieces=2, changed_at="2026-03-02"),
                     line("A1", n=2, pieces=5, changed_at="2026-03-02")]},
    ]),
    "as_it_was": ("", "", NUMBERED, [
        {"lines": [line("A1", pieces=1)]},
        {"lines": [line("A1", pieces=2)]},
        {"lines": [line("A1", pieces=1)]},
    ]),
    "by_time_within": ("", "updated_at: changed_at", WITHIN, [
        {"lines_1": [line("A1", pieces=3, changed_at="2026-03-03 12:00:00")]},
        {"lines_2": [line("A1", pieces=2, changed_at="2026-03-02 12:00:00")]},
    ]),
    "by_key_within": ("replaces: line", "key: [number, line]", WITHIN, [
        {"lines_1": [line("A1", n=1, pieces=1), line("A1", n=2, pieces=2)]},
        {"lines_2": [line("A1", n=1, pieces=3)]},
    ]),
    "deleted_within": ("", "key: [number, line]\n    deleted: gone", WITH_CTES, [
        {"lines_1": [line("A1", n=1, pieces=1), line("A1", n=2, pieces=2)]},
        {"lines_2": [line("A1", n=1, gone="true", sold_at="", item="", price="")]},
    ]),
    "deleted": ("", "deleted: gone", NUMBERED, [
        {"lines_1": [line("A1", n=1, pieces=1), line("A1", n=2, pieces=2)]},
        {"lines_2": [line("A1", n=1, gone="true", sold_at="", item="", price="")]},
    ]),
    "deleted_by_operation": ("", "deleted: {operation: [d]}", NUMBERED, [
        {"lines_1": [line("A1", n=1, pieces=1, operation="I"), line("A1", n=2, pieces=2, operation="I"),
                     line("A1", n=1, pieces=1, operation="D")]},
        {"lines_2": [line("A1", n=2, pieces=2, operation="D"), line("A2", n=1, pieces=5, operation="U")]},
    ]),
    "cancelled": ("leave_out: {status: [cancelled, draft]}", "", UNNUMBERED, [
        {"lines_1": [line("A1", status="open"), line("A2", pieces=2, status="Draft"), line("A3", pieces=3)]},
        {"lines_2": [line("A1", status="CANCELLED"), line("A2", pieces=2, status="open")]},
    ]),
    "in_any_letters": ("leave_out: {status: [İptal edildi, Straße, Café, Άδειος]}", "", UNNUMBERED, [
        {"lines_1": [line(f"A{n}", status=status) for n, status in enumerate(
            ["iptal edildi", "İPTAL EDİLDİ", "STRASSE", "Cafe\u0301", "ΆΔΕΙΟΣ", "open"])]},
    ]),
    "of_one_shop": ("leave_out: {shop: [s9, s8]}", "", UNNUMBERED, [
        {"lines_1": [line("A1", shop="S1"), line("A2", pieces=2, shop="S9")]},
    ]),
    "of_a_number": ("leave_out: {pieces: ['2', '7.0']}", "", UNNUMBERED, [
        {"lines_1": [line("A1", pieces=1), line("A2", pieces=2), line("A3", pieces=7)]},
    ]),
    "gone_by_order": ("", "deleted: {operation: [d]}", NUMBERED, [
        {"lines_1": [line("A1", n=1), line("A1", n=2, pieces=2), line("A2", pieces=3)]},
        {"lines_2": [line("A1", line="", item="", pieces="", price="", operation="D")]},
    ]),
    "put_back": ("", "deleted: {operation: [d]}", UNNUMBERED, [
        {"lines_1": [line("A1")]}, {"lines_2": [line("A1", operation="D")]}, {"lines_3": [line("A1")]},
    ]),
    "no_longer_there": ("", "", UNNUMBERED, [
        {"lines": [line("A1"), line("A2", pieces=2), line("A3", day=2, pieces=3), line("A4", day=3)]},
        {"lines": [line("A2", pieces=2), line("A3", day=2, pieces=3)]},
    ]),
    "no_longer_last": ("replaces: period", "", UNNUMBERED, [
        {"lines": [line("A1"), line("A2", day=2, pieces=2)]},
        {"lines": [line("A1")]},
    ]),
    "no_longer_that_day": ("replaces: day", "", UNNUMBERED, [
        {"lines": [line("A1"), line("A2", day=2, pieces=2), line("A3", day=3)]},
        {"lines": [line("A1"), line("A3", day=3)]},
    ]),
    "number_of_two": ("", "", NUMBERED, [
        {"lines_1": [line("A1", n=1), line("A1", n=1, item="P2", pieces=2), line("A2", n=1, pieces=3)]},
    ]),
    "anew_each_year": ("replaces: order", "", UNNUMBERED, [  # and A2 is paid two weeks later
        {"lines_1": [line("A1", sold_at="2025-03-01 10:00:00"), line("A2")]},
        {"lines_2": [line("A1", pieces=2), line("A2", day=15)]},
    ]),
    "taken_back": ("leave_out: {status: [void]}\nreplaces: order", "", UNNUMBERED, [
        {"lines_1": [line("A1", n=1, status="void")]},
        {"lines_2": [line("A1", n=2, pieces=2, status="paid")]},
    ]),
    "by_hours": ("replaces: day", "", UNNUMBERED, [  # the last 24 hours, or 48
        {"lines_1": [line("A1", pieces=2), line("A2", sold_at="2026-03-01 15:00:00"), line("A3", day=2)]},
        {"lines_2": [line("A2", sold_at="2026-03-01 15:00:00"), line("A3", day=2),
                     line("A4", sold_at="2026-03-02 18:00:00")]},
        {"lines_3": [line("A4", sold_at="2026-03-02 18:00:00"), line("A5", day=3)]},
    ]),
    "by_whole_days": ("replaces: period", "", UNNUMBERED, [  # A1 and A4 are taken back
        {"lines_1": [line("A1"), line("A2", sold_at="2026-03-01 15:00:00"), line("A3", day=2),
                     line("A4", sold_at="2026-03-02 18:00:00")]},
        {"lines_2": [line("A2", sold_at="2026-03-01 15:00:00"), line("A3", day=2)]},
    ]),
    "snapshots": ("replaces: period", "", UNNUMBERED, [  # A1 is taken back
        {"lines_1": [line("A1"), line("A2", day=2)]},
        {"lines_2": [line("A1"), line("A2", day=2), line("A3", day=3)]},
        {"lines_3": [line("A2", day=2), line("A3", day=3), line("A4", day=4)]},
    ]),
    "of_two_days": ("replaces: period", "", UNNUMBERED, [
        {"lines_1": [line("A1"), line("A2", day=2)]},
        {"lines_2": [line("A2", day=2), line("A3", day=3)]},
        {"lines_3": [line("A3", day=3), line("A4", day=4)]},
    ]),
    "refunded": ("", "", NUMBERED, [  # A1 by a number of its own, A2 by that of the sale
        {"lines_1": [line("A1"), line("A1", n=2, pieces=-1), line("A2", pieces=3), line("A3", pieces=-2)]},
        {"lines_2": [line("A2", pieces=-1), line("A3", pieces=2)]},  # the signs of A3 were wrong
    ]),
    "till": ("repeats: genuine", "", UNNUMBERED, [
        {"lines_1": [line("A1", pieces=2), line("A1", pieces=2), line("A2")]},
        {"lines_2": [line("A1", pieces=2), line("A1", pieces=2), line("A1", pieces=2), line("A3")]},
    ]),
    "till_with_key": ("repeats: genuine", "key: [line]", UNNUMBERED, [
        {"lines_1": [line("A1", pieces=2), line("A1", pieces=2), line("A1", n=2, pieces=3)]},
    ]),
    "moved": ("replaces: line", "key: [line]", UNNUMBERED, [  # an item goes to another order
        {"lines_1": [line("A1", n=1), line("A1", n=2, pieces=2), line("A2", n=3, pieces=3)]},
        {"lines_2": [line("A2", n=2, pieces=2)]},
    ]),
    "moved_once": ("replaces: line", "key: [line]", UNNUMBERED.replace("status,", LATEST), [
        {"lines_1": [line("A1", n=1), line("A1", n=2, pieces=2), line("A2", n=3, pieces=3)]},
        {"lines_2": [line("A2", n=2, pieces=2)]},
    ]),
    "within_orders": ("", "key: [number, line]", UNNUMBERED, [{"lines_1": [line("A1"), line("A2")]}]),
    "till_and_web": ("repeats: genuine", "", NUMBERED, [
        {"lines_1": [line("A1", line=""), line("A1", line=""),
                     line("B1", pieces=2), line("B1", pieces=2), line("B1", n=2, pieces=3)]},
    ]),
    "receipts": ("order_key: [shop, order_date]", "", NUMBERED, [
        {"lines_1": [line("1", shop="S1", customer="1"), line("1", shop="S2", pieces=2, customer="2")]},
        {"lines_2": [line("1", shop="S1", day=2, pieces=3, customer="3")]},
    ]),
    "anew_each_day": ("", "", NUMBERED, [
        {"lines_1": [line("1", customer="")]}, {"lines_2": [line("1", day=2, pieces=3, customer="")]},
    ]),
    "another_customer": ("", "", NUMBERED, [
        {"lines_1": [line("1", customer="1", pieces=2), line("2", customer="1"), line("3", customer="1"),
                     line("4", customer="1")]},
        {"lines_2": [line("1", customer="2", pieces=2), line("2", customer="2", pieces=5),
                     line("4", customer=""), line("3", customer="2", sold_at="2026-03-01 11:00:00")]},
    ]),
    "orders_of_others": ("replaces: order", "", UNNUMBERED, [
        {"lines_1": [line("1", customer="1"), line("2")]}, {"lines_2": [line("1", customer="2"), line("2")]},
    ]),
    "for_each_customer": ("", "", UNNUMBERED, [
        {"lines_1": [line("1", customer="1"), line("1", n=2, customer="2"), line("1", n=3, customer="3")]},
    ]),
    "half_a_guest": ("", "", UNNUMBERED, [{"lines_1": [line("1"), line("1", n=2, customer="")]}]),
    "any_status": ("", "", UNNUMBERED, [{"lines_1": [line("A1", status="paid"), line("A2", status="void")]}]),
    "misspelt": ("leave_out: {status: [void, Paid ]}", "", UNNUMBERED, [
        {"lines_1": [line("A1", status="open"), line("A2", status="paid")]},
    ]),
    "headed": ("leave_out: {status: [void]}\nquarantine: {stop: 100 %}", "", HEADED, [
        {"lines_1": [line("A1"), line("A2", pieces=2), line("A3", pieces=3), line("A4", pieces=4)],
         "heads_1": ["A1,open,10,", "A2,open,9,", "A3,void,9,", "A4,open,9,"]},
        {"heads_2": ["A1,void,9,", "A2,void,10,", "A3,open,10,", "A4,open,10,2026-03-09", "A3,void,,"]},
    ]),
    "mended": ("replaces: line\nquarantine: {stop: 100 %}", "", NUMBERED, [
        {"lines_1": [line("A1", n=1, price="?"), line("A1", n=2, pieces=2)]},
        {"lines_2": [line("A1", n=1, pieces=3), line("A1", n=2, price="?")]},
    ]),
    "mended_orders": ("replaces: order\nquarantine: {stop: 100 %}", "", UNNUMBERED, [
        {"lines_1": [line("A1", price="?"), line("A2", pieces=2)]},
        {"lines_2": [line("A1", pieces=3), line("A2", price="?")]},
    ]),
    "emptied": ("replaces: period", "", UNNUMBERED, [
        {"lines_1": [line("A1", day=1), line("A2", day=2), line("A3", day=3), line("A4", day=4),
                     line("A5", day=4)]},
        {"lines_2": [line("A6", day=1), line("A7", day=4)]},
    ]),
    "half_an_order": ("replaces: order", "", UNNUMBERED, [
        {"lines_1": [line("A1", n=1), line("A2", n=1)], "lines_2": [line("A1", n=2, pieces=2)]},
        {"lines_3": [line("A2", n=1, pieces=3)]},
    ]),
    "of_each_shop": ("replaces: day", "", UNNUMBERED, [
        {"lines_s1": [line("A1"), line("A2")], "lines_s2": [line("B1", pieces=2), line("B2", pieces=3)]},
    ]),
}  # fmt: skip
COUNTS = {  # order, pieces of each line that counts after all deliveries
    "undeclared": [("A1", 2), ("A1", 3), ("A2", 1)],
    "by_line": [("A1", 3), ("A1", 4)],
    "by_order": [("A1", 3), ("A2", 1), ("A3", 7)],
    "by_day": [("A1", 3), ("A3", 4), ("A9", 9)],
    "by_period": [("A1", 3), ("A3", 9), ("A4", 4)],
    "by_number_of_file": [("A1", 10)],
    "late": [("A1", 3)],
    "by_time": [("A1", 3), ("A2", 5)],
    "without_time": [("A1", 3), ("A2", 5), ("A3", 6)],
    "orders_without_time": [("A1", 3), ("A2", 5)],
    "orders_by_time": [("A1", 3)],
    "as_it_was": [("A1", 1)],
    "by_time_within": [("A1", 3)],
    "by_key_within": [("A1", 2), ("A1", 3)],
    "deleted_within": [("A1", 2)],
    "deleted": [("A1", 2)],
    "deleted_by_operation": [("A2", 5)],
    "cancelled": [("A2", 2), ("A3", 3)],
    "in_any_letters": [("A5", 1)],
    "of_one_shop": [("A1", 1)],
    "of_a_number": [("A1", 1)],
    "gone_by_order": [("A1", 1), ("A1", 2), ("A2", 3)],
    "put_back": [],
    "no_longer_there": [("A1", 1), ("A2", 2), ("A3", 3), ("A4", 1)],
    "no_longer_last": [("A1", 1), ("A2", 2)],
    "no_longer_that_day": [("A1", 1), ("A2", 2), ("A3", 1)],
    "number_of_two": [("A1", 2), ("A2", 3)],
    "anew_each_year": [("A1", 2), ("A2", 1)],
    "taken_back": [("A1", 2)],
    "by_hours": [("A2", 1), ("A4", 1), ("A5", 1)],
    "by_whole_days": [("A2", 1), ("A3", 1)],
    "snapshots": [("A1", 1), ("A2", 1), ("A3", 1), ("A4", 1)],
    "of_two_days": [("A1", 1), ("A2", 1), ("A3", 1), ("A4", 1)],
    "refunded": [("A1", -1), ("A1", 1), ("A2", -1), ("A3", 2)],
    "till": [("A1", 2), ("A1", 2), ("A1", 2), ("A2", 1), ("A3", 1)],
    "till_with_key": [("A1", 2), ("A1", 3)],
    "moved": [("A1", 1), ("A1", 2), ("A2", 2), ("A2", 3)],
    "moved_once": [("A1", 1), ("A2", 2), ("A2", 3)],
    "within_orders": [("A1", 1), ("A2", 1)],
    "till_and_web": [("A1", 1), ("A1", 1), ("B1", 2), ("B1", 3)],
    "receipts": [("1/S1/2026-03-01", 1), ("1/S1/2026-03-02", 3), ("1/S2/2026-03-01", 2)],
    "anew_each_day": [("1", 3)],
    "another_customer": [("1", 2), ("2", 5), ("3", 1), ("4", 1)],
    "orders_of_others": [("1", 1), ("2", 1)],
    "for_each_customer": [("1", 1), ("1", 1), ("1", 1)],
    "half_a_guest": [("1", 1), ("1", 1)],
    "any_status": [("A1", 1), ("A2", 1)],
    "misspelt": [("A1", 1)],
    "headed": [("A1", 1), ("A3", 3)],
    "mended": [("A1", 2), ("A1", 3)],
    "mended_orders": [("A1", 3), ("A2", 2)],
    "emptied": [("A6", 1), ("A7", 1)],
    "half_an_order": [("A1", 2), ("A2", 3)],
    "of_each_shop": [("B1", 2), ("B2", 3)],
}
DUPLICATES = {
    "undeclared": {"across_deliveries": 1},
    "by_line": {"superseded": 1},
    "by_order": {"superseded": 2},
    "by_day": {"superseded": 3},
    "by_period": {"superseded": 3},
    "by_number_of_file": {"superseded": 1},
    "late": {"superseded": 1},
    "by_time": {"superseded": 1},
    "without_time": {"superseded": 3},
    "orders_without_time": {"superseded": 2},
    "orders_by_time": {"superseded": 2},
    "as_it_was": {"across_deliveries": 1, "superseded": 1},
    "by_time_within": {"superseded": 1},
    "by_key_within": {"superseded": 1},
    "deleted_within": {"superseded": 1},
    "deleted": {"superseded": 1},
    "deleted_by_operation": {"superseded": 2},
    "cancelled": {"superseded": 2},
    "mended": {"superseded": 1},
    "mended_orders": {"superseded": 1},
    "till": {"across_deliveries": 2},
    "till_with_key": {"within_delivery": 1},
    "till_and_web": {"within_delivery": 1},
    "anew_each_day": {"superseded": 1},
    "another_customer": {"across_deliveries": 3, "superseded": 1},
    "orders_of_others": {"superseded": 1, "across_deliveries": 1},
    "emptied": {"superseded": 5},
    "put_back": {"superseded": 1},
    "no_longer_there": {"across_deliveries": 2},
    "no_longer_last": {"across_deliveries": 1},
    "no_longer_that_day": {"across_deliveries": 2},
    "number_of_two": {"superseded": 1},
    "anew_each_year": {"superseded": 2},
    "taken_back": {"superseded": 1},
    "by_hours": {"superseded": 2, "across_deliveries": 3},
    "by_whole_days": {"superseded": 2, "across_deliveries": 2},
    "snapshots": {"across_deliveries": 4},
    "of_two_days": {"across_deliveries": 2},
    "refunded": {"superseded": 2},
    "half_an_order": {"superseded": 2},
    "of_each_shop": {"superseded": 2},
}
QUARANTINE = {
    "moved_once": {"left_out": 1},
    "deleted_within": {"left_out": 1},
    "deleted": {"left_out": 1},
    "deleted_by_operation": {"left_out": 2},
    "cancelled": {"left_out": 1},
    "mended": {"unreadable_price": 1},
    "mended_orders": {"unreadable_price": 1},
    "in_any_letters": {"left_out": 5},
    "of_one_shop": {"left_out": 1},
    "of_a_number": {"left_out": 2},
    "gone_by_order": {"left_out": 1},
    "put_back": {"left_out": 1},
    "misspelt": {"left_out": 1},
    "headed": {"left_out": 1, "no_head": 1},
}
FINDINGS = {  # check: brands, with what was found
    "is_of_one_delivery": [("undeclared", "A1")],
    "is_one_order": [("for_each_customer", "1"), ("half_a_guest", "1")],
    "counts_in_its_own_order": [
        ("anew_each_day", "1"),
        ("another_customer", "2"),
        ("another_customer", "3"),
        ("number_of_two", "A1"),
        ("refunded", "A2"),
    ],
    "later_versions_are_dated": [
        ("orders_without_time", "A1"),
        ("without_time", "A1"),
        ("without_time", "A3"),
    ],
    "customers_are_corrected": [
        ("another_customer", "1"),
        ("another_customer", "4"),
        ("orders_of_others", "1"),
    ],
    "later_entries_are_dated": [("headed", "A3")],
    "genuine_repeats_have_no_number": [("till_and_web", 3), ("till_with_key", 3)],
    "a_key_is_of_one_order": [("moved", "2")],
    "deletions_name_lines": [("gone_by_order", "A1")],
    "lines_are_still_delivered": [
        ("no_longer_last", 1),
        ("no_longer_that_day", 1),
        ("no_longer_there", 1),  # A4 is of a later day than the file tells of
    ],
    "replaced_not_much_more_than_delivered": [("emptied", "lines_2.csv")],
    "orders_are_replaced_by_their_own": [("anew_each_year", "A1")],
    "snapshots_take_the_place_of_all": [("snapshots", dt.date(2026, 3, 1))],
    "replaced_days_are_whole": [("by_hours", dt.date(2026, 3, 1)), ("by_hours", dt.date(2026, 3, 2))],
    "what_is_replaced_is_said_again": [
        ("emptied", "lines_1.csv"),
        ("half_an_order", "lines_1.csv"),
        ("of_each_shop", "lines_s1.csv"),
    ],
    "status_has_a_rule": [("any_status", "PAID"), ("any_status", "VOID")],
    "left_out_is_there": [("misspelt", "VOID"), ("of_one_shop", "S8")],
}
FOUND_IN = {
    "a_key_is_of_one_order": "line_id",
    "replaced_not_much_more_than_delivered": "source_file",
    "snapshots_take_the_place_of_all": "last_day",
    "replaced_days_are_whole": "order_date",
    "what_is_replaced_is_said_again": "replaced",
    "status_has_a_rule": "status",
    "left_out_is_there": "value",
    "lines_are_still_delivered": "order_lines",
    "genuine_repeats_have_no_number": "order_lines",
    "later_entries_are_dated": "entry",
}


@pytest.fixture(scope="module")
def delivered(open_shop: Callable[[], Shop]) -> tuple[Shop, RunResult]:
    """All brands after all their deliveries, and the last run."""
    shop = open_shop()
    rounds = max(len(deliveries) for *_, deliveries in BRANDS.values())
    brands = {name: shop.another(name) for name in BRANDS}
    for file in shop.brand.iterdir():
        file.unlink()
    shop.brand.rmdir()
    for name, (rules, of_source, sql, _) in BRANDS.items():
        brands[name].configure(brand_yml(name, rules, of_source))
        (brands[name].brand / "order_lines.sql").write_text(sql)
    for number in range(rounds):
        for name, (*_, deliveries) in BRANDS.items():
            for file, lines in (deliveries[number] if number < len(deliveries) else {}).items():
                brands[name].deliver_lines(
                    *lines,
                    name=f"{file}.csv",
                    header=HEADS if file.startswith("heads") else ",".join(COLUMNS),
                )
        result = shop.run(select="+silver.orders +silver.quarantine +silver.unusable_entries")
        assert not result.failed, (result.ingest.failures, [t for t in result.tables if t.reason])
    return shop, result


@pytest.mark.parametrize("brand", BRANDS)
def test_what_counts(brand: str, delivered: tuple[Shop, RunResult]) -> None:
    shop, _ = delivered
    of_brand = f"WHERE source_system = '{brand}'"
    assert COUNTS[brand] == shop.rows(
        f"SELECT order_id, quantity::INT FROM silver.sales_clean {of_brand} ORDER BY ALL"
    )
    kinds = dict(shop.rows(f"SELECT kind, count(*) FROM silver.duplicates {of_brand} GROUP BY ALL"))
    assert kinds == DUPLICATES.get(brand, {})
    reasons = dict(shop.rows(f"SELECT reason_code, count(*) FROM silver.quarantine {of_brand} GROUP BY ALL"))
    assert reasons == QUARANTINE.get(brand, {})


def test_what_is_not_declared_is_a_finding(delivered: tuple[Shop, RunResult]) -> None:
    _, result = delivered
    found = {
        check.check: sorted(
            (row["source_system"], row[FOUND_IN.get(check.check, "order_id")]) for row in check.sample
        )
        for check in result.checks
        if check.check in FINDINGS
    }
    assert found == FINDINGS
    doubtful = [c for c in result.checks if c.check == "deliveries_are_sound"]
    assert {c.table: [row["file"] for row in c.sample] for c in doubtful} == {
        "bronze.late_lines": ["lines_2026-03.csv"],
        "bronze.put_back_lines": ["lines_3.csv"],  # it holds what lines_1.csv does, and lines_2.csv followed
        "bronze.mended_lines": ["lines_1.csv", "lines_2.csv"],  # a price of `?`
        "bronze.mended_orders_lines": ["lines_1.csv", "lines_2.csv"],
    }


def test_parts_of_a_line_are_no_versions_of_it(shop: Shop) -> None:
    """Two and three pieces are shipped apart; a file of changes says three in the place of two."""
    cases = {"parts": "", "changes": "deleted: {title: [gone]}", "dated": "updated_at: when"}
    brands = shop.brands(*cases)
    for brand, (name, of_source) in zip(brands, cases.items(), strict=True):
        brand.configure(
            SHOP_BRAND.replace('files: "lines*"', f'files: "lines*"\n    key: [order, line]\n    {of_source}')
        )
        later = "11" if name == "dated" else "10"
        brand.deliver_lines(
            "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR",
            f"A1,1,2026-03-01 {later}:00:00,P1,Mug,3,5.00,77,Germany,EUR",
        )
    result = shop.run(until="silver")
    found = [
        row["source_system"]
        for c in result.checks
        if c.check == "counts_in_its_own_order"
        for row in c.sample
    ]
    assert found == ["parts"]


@pytest.mark.long("a rebuild to compare with")
def test_deliveries_in_turn_equal_a_rebuild(delivered: tuple[Shop, RunResult]) -> None:
    shop, result = delivered
    assert {t.table: t.status for t in result.tables}["silver.duplicates"] == "updated"
    assert differences(shop.lakehouse, shop.folder) == {}


def test_versions_that_a_query_hides_are_a_finding(shop: Shop) -> None:
    """Of lines that come from a source through a subquery of chosen columns no rule of it can be heeded."""
    within, hidden = shop.brands("within", "hidden")
    chosen = f"FROM (SELECT {', '.join(COLUMNS)}, batch_id, source_row, ingest_ts FROM lines) AS l"
    for brand, sql in ((within, WITHIN), (hidden, NUMBERED.replace("FROM lines", chosen))):
        brand.configure(brand_yml("Shop", "", "updated_at: changed_at"))
        (brand.brand / "order_lines.sql").write_text(sql)
    said = [c for c in check_brand_folders(shop.project, IngestResult()) if c.check == "versions_have_a_key"]
    assert {c.table: c.sample for c in said} == {
        "within.folder": [],
        "hidden.folder": [{"source": "lines", "key": "updated_at"}],
    }
    assert "SELECT *" in next(c.why for c in said if c.sample)

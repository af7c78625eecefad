"""JSON as programs write it: false where a field is empty, objects that are not there, changes of rows."""

from __future__ import annotations

import json
import re

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop
from tests.pipeline.test_as_exported import LINE, found

pytestmark = pytest.mark.slow("a run for each case")


def record(order: str, customer: object) -> dict[str, object]:
    """A line of JSON, with any value as its customer."""
    values = LINE.format(order=order, item="P1", customer="").split(",")
    return dict(zip(SHOP_HEADER.split(","), values, strict=True)) | {"customer": customer}


def test_false_among_other_values_of_json_is_empty(shop: Shop) -> None:
    """As Odoo writes a field that is empty; a column of nothing but true and false keeps it."""
    shop.configure(
        SHOP_BRAND.replace(
            "country: {type: text}",
            "country: {type: text}\n      paid: {type: boolean}\n      gift: {type: text}",
        )
    )
    rows = [record(f"A{n}", "77") for n in (1, 2)]
    shop.deliver(
        json.dumps(
            [
                rows[0] | {"paid": True, "gift": False},
                rows[1] | {"customer": False, "paid": False, "gift": False},
            ]
        ),
        "lines.json",
    )
    result = shop.run(until="bronze")
    assert "customer: `false` beside other values is read as empty" in json.loads(result.ingest.new[0].drift)
    assert shop.rows("SELECT customer, paid, gift FROM bronze.shop_lines ORDER BY 1") == [
        ("77", "true", "false"),
        (None, "false", "false"),
    ]


def test_an_object_that_is_not_there_has_empty_fields(shop: Shop) -> None:
    """Guests' orders have no customer, and some programs write `[]` for an object without fields: whether
    the file has others or not. What is no object is said.
    """
    paths = SHOP_BRAND.replace("customer: {type: code}", "customer: {type: code, header: customer.id}")
    brands = shop.brands("some", "guests", "texts")
    buyers: list[list[object]] = [[{"id": "7"}, None, []], [None, []], [{"id": "7"}, "K8"]]
    for brand, customers in zip(brands, buyers, strict=True):
        brand.configure(paths.replace("customer:", "buyer:") if brand.brand.name == "texts" else paths)
        records = [record(f"A{n}", customer) for n, customer in enumerate(customers)]
        brand.deliver("".join(json.dumps(record) + "\n" for record in records), "lines.jsonl")
    texts = brands[-1].brand / "order_lines.sql"
    texts.write_text(SHOP_ORDER_LINES.replace("customer AS", "buyer AS"))
    result = shop.run(until="silver")
    assert not result.failed
    lines = shop.rows("SELECT source_system, order_id, customer_code FROM silver.order_lines ORDER BY 1, 2")
    assert lines == [
        ("guests", "A0", None), ("guests", "A1", None),
        ("some", "A0", "7"), ("some", "A1", None), ("some", "A2", None),
        ("texts", "A0", "7"), ("texts", "A1", None),
    ]  # fmt: skip
    [said] = found(result, "deliveries_are_sound")
    assert "customer: 1 record(s) have no object there, but `K8`" in str(said["doubt"])


def test_what_a_change_has_taken_away_is_what_was_before(shop: Shop) -> None:
    """Debezium's deletions have nothing as `after`, with its envelope or without."""
    paths = re.sub(r"      (\w+): \{type: (\w+)\}", r"      \1: {type: \2, header: after.\1}", SHOP_BRAND)
    operation = "    key: [order]\n    deleted: {op: [D]}\n    columns:\n      op: {type: code}"
    envelope, plain = shop.brands("envelope", "plain")
    changes = [
        {"before": None, "after": record("A1", "77"), "op": "c"},
        {"before": None, "after": record("A2", "77"), "op": "c"},
        {"before": record("A1", "77"), "after": None, "op": "d"},
    ]
    plain.configure(paths.replace("    columns:", operation))
    plain.deliver("\n".join(map(json.dumps, changes)), "lines.jsonl")
    envelope.configure(
        paths.replace("after.", "payload.after.").replace(
            "    columns:", operation.replace("{type: code}", "{type: code, header: payload.op}")
        )
    )
    envelope.deliver("\n".join(json.dumps({"payload": change}) for change in changes), "lines.jsonl")
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT source_system, order_id FROM silver.sales_clean ORDER BY 1") == [
        ("envelope", "A2"), ("plain", "A2"),
    ]  # fmt: skip

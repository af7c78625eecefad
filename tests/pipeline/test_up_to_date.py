"""A run that has nothing to build is told so by a note, and by the graph of models whenever that is not to be
trusted.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, Shop

from mergehouse.pipeline import planning, sound_folders
from mergehouse.pipeline.up_to_date import KEPT

pytestmark = pytest.mark.slow("several runs")


@pytest.fixture
def asks_the_graph(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Runs; True where the graph was made."""
    made: list[str] = []
    build = planning.build_graph

    def counted(*given: object) -> object:
        made.append("")
        return build(*given)

    monkeypatch.setattr(planning, "build_graph", counted)

    def run() -> bool:
        made.clear()
        sold.run()
        return bool(made)

    return run


def test_without_change_the_note_tells_and_the_run_says_the_same(
    sold: Shop, asks_the_graph: Callable[[], bool]
) -> None:
    sold.run()
    (sold.folder / "lakehouse" / KEPT).unlink()
    by_graph = sold.run()
    kept = sold.folder / "lakehouse" / sound_folders.KEPT
    said = kept.read_text()
    kept.write_text("{")
    assert not asks_the_graph() and not asks_the_graph()
    assert kept.read_text() == said
    by_note = sold.run()
    assert [t.table for t in by_note.tables] == [t.table for t in by_graph.tables]
    assert {t.status for t in by_note.tables} == {"fresh"} and not by_note.changed
    assert (by_note.kpis, by_note.left_out, by_note.checks) == (
        by_graph.kpis,
        by_graph.left_out,
        by_graph.checks,
    )


def delivery(shop: Shop) -> None:
    shop.deliver_lines("A9,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR", name="lines_2.csv")


def brand_sql(shop: Shop) -> None:
    file = shop.brand / "order_lines.sql"
    file.write_text(file.read_text() + "\n-- read again")


def mapping(shop: Shop) -> None:
    file = shop.folder / "mappings" / "rfm_segments.csv"
    file.write_text(file.read_text().replace("Champions", "Stars"))


def settings(shop: Shop) -> None:
    file = shop.folder / "mergehouse.yml"
    file.write_text(file.read_text() + "\nfiscal_year_starts: 4\n")


def another_writer(shop: Shop) -> None:
    shop.lakehouse.delta("gold.dim_brand").delete("label = 'nobody'")
    shop.lakehouse.delta("gold.dim_brand").delete()


def lost_table(shop: Shop) -> None:
    shutil.rmtree(shop.folder / "lakehouse" / "gold" / "dim_brand")


def broken_note(shop: Shop) -> None:
    (shop.folder / "lakehouse" / KEPT).write_text('{"depends_on"')


def strange_note(shop: Shop) -> None:
    (shop.folder / "lakehouse" / KEPT).write_text('["silver.orders"]')


def note_of_nothing_known(shop: Shop) -> None:
    note = {"depends_on": "", "tables": ["gold.dim_brand"], "computed": ["gold.nothing"]}
    (shop.folder / "lakehouse" / KEPT).write_text(json.dumps(note))


def note_of_numbers(shop: Shop) -> None:
    (shop.folder / "lakehouse" / KEPT).write_text('{"depends_on": "", "tables": [1], "computed": 3}')


@pytest.mark.parametrize(
    "change",
    [
        *(delivery, brand_sql, mapping, settings, another_writer, lost_table),
        *(broken_note, strange_note, note_of_nothing_known, note_of_numbers),
    ],
)
def test_whatever_changed_is_left_to_the_graph(
    sold: Shop, asks_the_graph: Callable[[], bool], change: Callable[[Shop], object]
) -> None:
    asks_the_graph()
    change(sold)
    assert asks_the_graph()
    assert not asks_the_graph()  # and noted anew


def test_what_is_edited_while_a_run_is_at_work_is_left_to_the_next(
    sold: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL, a list and settings that are saved when tables are being built count in the next run, and what is
    kept of the folder is what the figures were made by.
    """
    sql, rules, build = sold.brand / "order_lines.sql", sold.brand / "line_types.csv", planning.build_tables

    def edited(*given: object) -> object:
        sql.write_text(sql.read_text().replace("qty AS", "qty * 10 AS"))
        rules.write_text("match,pattern,line_class\ncode,P2,postage\n")
        sold.configure(SHOP_BRAND.replace("label: Shop", "label: Later"))
        return build(*given)

    pieces = "SELECT sum(quantity) FROM silver.order_lines"
    with monkeypatch.context() as patch:
        patch.setattr(planning, "build_tables", edited)
        sold.run(full=True)
    kept = sold.folder / "lakehouse" / sound_folders.KEPT
    assert sold.rows(pieces) == [(6,)] and "Later" not in kept.read_text() and "P2" not in kept.read_text()
    sold.run()
    assert sold.rows(pieces) == [(60,)] and sold.rows("SELECT label FROM gold.dim_brand") == [("Later",)]
    assert "Later" in kept.read_text() and "P2" in kept.read_text()


def test_changed_code_is_left_to_the_graph(
    sold: Shop, asks_the_graph: Callable[[], bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mergehouse.pipeline import up_to_date

    asks_the_graph()
    other = tmp_path / "mergehouse" / "__init__.py"
    other.parent.mkdir()
    other.write_text("")
    monkeypatch.setattr(up_to_date.mergehouse, "__file__", str(other))
    assert asks_the_graph()


def test_a_run_of_some_tables_notes_nothing(sold: Shop, asks_the_graph: Callable[[], bool]) -> None:
    note = sold.folder / "lakehouse" / KEPT
    note.unlink()
    sold.run(select="gold.dim_brand")
    sold.run(until="silver")
    assert not note.exists()
    sold.run(full=True)
    assert not asks_the_graph()

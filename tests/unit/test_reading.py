"""Tables are opened in one way: as views of a connection, those that are asked for and no other."""

from __future__ import annotations

import gc
from pathlib import Path

import duckdb
import pytest

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import database, limited, rows, shared
from mergehouse.lakehouse.writing import append
from mergehouse.project.settings import Limits


@pytest.fixture
def lakehouse(tmp_path: Path) -> Lakehouse:
    made = Lakehouse(tmp_path / "lakehouse")
    append(made, "gold.prices", duckdb.sql("FROM (VALUES ('mug', 5.00), ('cup', 2.50)) AS t(item, price)"))
    append(made, "gold.stock", duckdb.sql("SELECT 'mug' AS item, 3 AS pieces"))
    return made


def test_rows_by_the_names_of_their_columns(lakehouse: Lakehouse) -> None:
    sql = (
        "SELECT item, price * pieces AS worth FROM gold.prices JOIN gold.stock USING (item) WHERE pieces >"
        " $least"
    )
    with limited(Limits(memory="200MB", threads=1)) as connection:
        found = rows(lakehouse.reading("gold.prices", "gold.stock", connection=connection), sql, {"least": 1})
        (spill,) = rows(connection, "SELECT current_setting('temp_directory') AS folder")
        assert Path(spill["folder"]).is_dir()
    assert [(r["item"], float(r["worth"])) for r in found] == [("mug", 15.0)] and not Path(
        spill["folder"]
    ).exists()
    with pytest.raises(LakehouseError, match="did you mean `gold.stock`"):
        lakehouse.reading("gold.stok")


def test_a_query_opens_what_it_names(lakehouse: Lakehouse) -> None:
    for log in lakehouse.path("gold.stock").glob("_delta_log/*.json"):
        log.write_text("torn")
    for named in ("gold.prices", 'GOLD . "prices"'):
        assert lakehouse.query(f"SELECT count(*) FROM {named}").fetchall() == [(2,)]
    with pytest.raises(LakehouseError, match="gold.stock"):
        lakehouse.query("SELECT * FROM gold.stock")


def test_a_query_that_names_none_is_told_the_nearest(lakehouse: Lakehouse) -> None:
    with pytest.raises(LakehouseError, match='Did you mean "gold.prices"'):
        lakehouse.query("SELECT * FROM prices")


def test_a_database_goes_with_its_last_reader() -> None:
    def there() -> int:
        return shared().sql("SELECT count(*) FROM duckdb_databases()").fetchall()[0][0]

    before = there()
    relation = database().sql("SELECT 7 AS n")
    narrowed = relation.filter("n > 6")
    del relation
    gc.collect()
    assert there() == before + 1 and narrowed.fetchall() == [(7,)]
    del narrowed
    gc.collect()
    assert there() == before

"""Tables that Python computes: nodes of the graph like any other, by a function that a contract names."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Shop
from tests.pipeline import toy_tables
from tests.pipeline.rebuilds import RATES, line

from mergehouse.contracts import registry
from mergehouse.contracts.contract import load_contract
from mergehouse.errors import ConfigError
from mergehouse.pipeline.results import RunResult, TableResult

pytestmark = pytest.mark.slow("several runs")

GROUPS, SIZES = "silver.customer_groups", "gold.group_sizes"
CONTRACT = """
table: silver.customer_groups
grain: one customer
meaning: Customers by whether they came back.
key: [customer_id, group_name]
partition_by: [group_name]
computed_by: tests.pipeline.toy_tables:groups
reads: [silver.orders]
columns:
  customer_id: {type: string, nullable: false, meaning: Customer}
  group_name: {type: string, nullable: false, values: [new, regular], meaning: Group}
  seen_orders: {type: bigint, nullable: false, max: 5, meaning: Orders that there were}
"""
READER = """
table: gold.group_sizes
grain: one group
meaning: How many customers a group has.
key: [group_name]
columns:
  group_name: {type: string, nullable: false, meaning: Group}
  customers: {type: bigint, nullable: false, meaning: Customers}
"""
READER_SQL = "SELECT group_name, COUNT(*) AS customers FROM silver.customer_groups GROUP BY group_name"


@pytest.fixture(autouse=True)
def behaviour() -> Iterator[dict[str, str]]:
    """What the toy's function does, as it was before each test."""
    before = dict(toy_tables.behaviour)
    toy_tables.calls.clear()
    yield toy_tables.behaviour
    toy_tables.behaviour.update(before)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the models with a table that Python computes, and one that reads it."""
    folder = tmp_path / "models"
    shutil.copytree(registry.MODELS, folder)
    (folder / "silver" / "customer_groups.yml").write_text(CONTRACT)
    (folder / "gold" / "group_sizes.yml").write_text(READER)
    (folder / "gold" / "group_sizes.sql").write_text(READER_SQL)
    monkeypatch.setattr(registry, "MODELS", folder)
    registry.models.cache_clear()
    yield folder
    registry.models.cache_clear()


@pytest.fixture
def run(shop: Shop, models: Path) -> Callable[[], dict[str, TableResult]]:
    """Runs up to the two tables; returns what became of each table."""
    shop.deliver_lines(line("A1", customer="1"), line("A2", customer="2"), line("A3", customer="2"))

    def to_the_reader() -> dict[str, TableResult]:
        result: RunResult = shop.run(select=f"+{SIZES}")
        return {t.table: t for t in result.tables}

    return to_the_reader


def edit(models: Path, old: str, new: str) -> None:
    """Changes the contract of the computed table."""
    (models / "silver" / "customer_groups.yml").write_text(CONTRACT.replace(old, new))
    load_contract.cache_clear()


def sizes(shop: Shop) -> dict[str, int]:
    return dict(shop.rows(f"SELECT * FROM {SIZES}"))


def test_it_is_built_when_its_inputs_or_its_version_change_and_only_then(
    shop: Shop, run: Callable, behaviour: dict[str, str]
) -> None:
    built = run()
    assert (built[GROUPS].status, built[SIZES].status) == ("built", "built") and sizes(shop) == {
        "new": 1,
        "regular": 1,
    }
    assert list(built).index("silver.orders") < list(built).index(GROUPS) < list(built).index(SIZES)
    assert {t.status for t in run().values()} == {"fresh"} and toy_tables.calls == ["groups"]
    shop.deliver_lines(line("A4", customer="3"), name="lines_2.csv")
    later = run()
    assert (later[GROUPS].status, later[SIZES].status) == ("built", "updated") and sizes(shop) == {
        "new": 2,
        "regular": 1,
    }
    behaviour["version"] = "2"  # as where a model is promoted
    again = run()
    assert {name for name, t in again.items() if t.status == "built"} == {
        GROUPS,
        SIZES,
    } and toy_tables.calls == ["groups"] * 3
    assert {t.status for t in run().values()} == {"fresh"}


def test_one_that_fails_keeps_its_version_and_so_do_its_readers(
    shop: Shop, run: Callable, behaviour: dict[str, str]
) -> None:
    """At first there is no version to keep: said in words, and all else is built."""
    behaviour["fail"] = "singular matrix"
    first = run()
    assert (first[GROUPS].status, first[SIZES].status) == ("failed", "blocked")
    assert "toy_tables:groups failed: ValueError: singular matrix" in first[GROUPS].reason
    assert first[SIZES].reason == f"waits for {GROUPS}" and not shop.lakehouse.exists(SIZES)
    assert {t.status for name, t in first.items() if name not in (GROUPS, SIZES, RATES)} == {"built"}
    behaviour["fail"] = ""
    assert run()[SIZES].status == "built" and sizes(shop) == {"new": 1, "regular": 1}
    behaviour["fail"] = "out of luck"
    shop.deliver_lines(line("A4", customer="3"), name="lines_2.csv")
    later = run()
    assert (later["silver.orders"].status, later[GROUPS].status, later[SIZES].status) == (
        "updated",
        "failed",
        "blocked",
    )
    assert sizes(shop) == {"new": 1, "regular": 1} and shop.rows(
        f"SELECT DISTINCT seen_orders FROM {GROUPS}"
    ) == [(3,)]
    behaviour["fail"] = ""
    assert run()[SIZES].status == "built" and sizes(shop) == {"new": 2, "regular": 1}


def test_without_an_optional_one_its_readers_are_built_all_the_same(
    shop: Shop, models: Path, run: Callable, behaviour: dict[str, str]
) -> None:
    """Over an empty table as long as there is none; whether it fails or this Python lacks what it takes."""
    edit(models, "reads:", "optional: true\nreads:")
    behaviour["fail"] = "singular matrix"
    first = run()
    assert (first[GROUPS].status, first[SIZES].status) == ("failed", "built") and sizes(shop) == {}
    behaviour.update(fail="", lacking="splink is not installed")
    second = run()
    assert GROUPS not in second and second[SIZES].status == "fresh" and toy_tables.calls == ["groups"]
    behaviour["lacking"] = ""
    assert run()[SIZES].status == "built" and sizes(shop) == {"new": 1, "regular": 1}


def test_readers_of_an_optional_one_whose_rows_are_refused_keep_what_they_have(
    shop: Shop, models: Path, run: Callable
) -> None:
    edit(models, "reads:", "optional: true\nreads:")
    assert run()[SIZES].status == "built"
    shop.deliver_lines(*(line(f"B{n}", customer="3") for n in range(3)), name="lines_2.csv")
    later = run()
    assert later[GROUPS].reason == "checks failed: seen_orders_in_range"
    assert later[SIZES].reason == f"waits for {GROUPS}" and sizes(shop) == {"new": 1, "regular": 1}


def test_what_it_takes_and_is_not_there_is_said(
    run: Callable, models: Path, behaviour: dict[str, str]
) -> None:
    behaviour["lacking"] = "splink is not installed"
    assert run()[GROUPS].reason == f"`{GROUPS}` cannot be computed: splink is not installed."
    edit(models, "toy_tables:groups", "toy_tables:grps")
    assert "tests.pipeline.toy_tables has no `grps`" in run()[GROUPS].reason
    edit(models, "tests.pipeline.toy_tables", "tests.pipeline.toys")
    assert "tests.pipeline.toys, which is not there" in run()[GROUPS].reason


def test_its_rows_are_checked_before_they_are_published(shop: Shop, models: Path, run: Callable) -> None:
    edit(models, "max: 5", "max: 2")
    found = run()
    assert found[GROUPS].reason == "checks failed: seen_orders_in_range" and found[SIZES].status == "blocked"
    assert not shop.lakehouse.exists(GROUPS)


def test_rows_in_the_place_of_their_partitions_leave_the_others(
    shop: Shop, models: Path, run: Callable
) -> None:
    """All customers come back: nothing takes the place of those who had not."""
    edit(models, "reads:", "replaces: partitions\nreads:")
    assert run()[GROUPS].status == "updated"
    shop.deliver_lines(line("A4", customer="1"), name="lines_2.csv")
    assert run()[GROUPS].status == "updated"
    counted = shop.rows(
        f"SELECT group_name, count(*), min(seen_orders), max(seen_orders) FROM {GROUPS} GROUP BY ALL ORDER"
        " BY ALL"
    )
    assert counted == [("new", 1, 3, 3), ("regular", 2, 4, 4)]


def test_contracts_that_contradict_themselves(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "contract.yml"
    for old, new, words in (
        ("computed_by: tests.pipeline.toy_tables:groups\n", "", "are for a table with `computed_by`"),
        (
            "partition_by: [group_name]\n",
            "replaces: partitions\n",
            "`replaces: partitions` needs `partition_by`",
        ),
        (
            "partition_by: [group_name]\n",
            "replaces: slices\n",
            "`replaces: slices` needs `incremental.slice`",
        ),
        (":groups", ".groups", "computed_by"),
    ):
        file.write_text(CONTRACT.replace(old, new))
        load_contract.cache_clear()
        with pytest.raises(ConfigError, match=words):
            load_contract(file)


def test_one_that_replaces_rows_exchanges_those_that_differ(
    shop: Shop, run: Callable, models: Path, behaviour: dict[str, str]
) -> None:
    edit(models, "computed_by:", "replaces: rows\ncomputed_by:")
    assert run()[GROUPS].status == "built"
    shop.deliver_lines(line("A4", customer="3"), name="lines_2.csv")
    later = run()
    assert (later[GROUPS].status, later[SIZES].status) == ("updated", "updated")
    assert sizes(shop) == {"new": 2, "regular": 1}
    behaviour["version"] = "2"  # and the same rows
    assert run()[GROUPS].status == "fresh"

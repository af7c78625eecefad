"""What each role sees on Databricks and in the dashboards, of a shop of two brands with customers in common.

Bodies of functions are taken from the SQL that is written, with `is_account_group_member` answered for one
role, and run by an engine over the shop's own rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import pyarrow
import sqlglot
from tests.conftest import Shop

from mergehouse.access.cut import KEY, cut
from mergehouse.access.policy import Policy, load_policy
from mergehouse.contracts.registry import contract_of, released
from mergehouse.contracts.types import duckdb_type
from mergehouse.platform.databricks.bundle import Target, sql
from mergehouse.platform.databricks.statements import statements_of

Rows = set[tuple[Any, ...]]
SALT = "a salt"
SCORES, TRAITS = "gold.customer_scores_gold", "gold.hazard_ratios"
MADE = {  # tables of models, which the shop does without: rows for the rules that no other table calls for
    SCORES: "SELECT customer_id, source_system, as_of_date, reason_1, reason_2, reason_3"
    " FROM gold.customer_brand_360",
    TRAITS: "SELECT source_system, trait, 'all' AS period FROM gold.dim_brand CROSS JOIN"
    " (VALUES ('several brands'), ('several brands, at once'), ('returns')) AS t (trait)",
}


@dataclass(frozen=True)
class Rights:
    """The rows of a shop, and the functions of its catalog."""

    shop: Shop

    @cached_property
    def policy(self) -> Policy:
        return load_policy(self.shop.project)

    @cached_property
    def brands(self) -> list[str]:
        return list(self.shop.project.brands)

    @cached_property
    def statements(self) -> list[str]:
        files = sql(self.shop.project, Target("dev", None, "c"))
        return [statement for text in files.values() for statement in statements_of(text)]

    @cached_property
    def made(self) -> list[str]:
        """The statements that make functions."""
        return [found for found in self.statements if found.startswith("CREATE OR REPLACE FUNCTION")]

    @cached_property
    def functions(self) -> dict[str, str]:
        """Bodies, by the function's own name."""
        parts = [re.match(r".*?`(\w+)`\(.*?\) RETURNS \w+ RETURN (.*)", made) for made in self.made]
        return {found[1]: found[2] for found in parts if found}

    @cached_property
    def tables(self) -> dict[str, pyarrow.Table]:
        """Those that are released and have rows, with the columns of their contracts."""
        lakehouse, found = self.shop.lakehouse, {}
        for contract in released():
            if contract.table in MADE:
                found[contract.table] = self._made(contract.table)
            elif lakehouse.exists(contract.table):
                found[contract.table] = lakehouse.query(f"SELECT * FROM {contract.table}").to_arrow_table()
        return found

    def _made(self, table: str) -> pyarrow.Table:
        given = self.shop.lakehouse.query(MADE[table]).to_arrow_table()
        columns = ", ".join(
            f"CAST({name if name in given.column_names else 'NULL'} AS {duckdb_type(kind)}) AS {name}"
            for name, kind in contract_of(table).types.items()
        )
        return duckdb.sql(f"SELECT {columns} FROM given").to_arrow_table()

    def body(self, function: str, *roles: str) -> str:
        """A function's body as Databricks SQL, for somebody who has these roles and no other."""
        text = re.sub(
            r"is_account_group_member\('((?:[^'\\]|\\.)*)'\)",
            lambda asked: "TRUE" if re.sub(r"\\(.)", r"\1", asked[1]) in roles else "FALSE",
            self.functions[function],
        )
        return text.replace("`c`.`access`.`customers`", "gold_customer_brand_360")

    def seen(self, run: Callable[[str], Iterable[tuple]], table: str, *roles: str) -> Rows:
        """Keys of the rows that a table's filter lets through; `run` runs Databricks SQL over views that are
        called as tables, with `_` in the place of the dot.
        """
        view, key = table.replace(".", "_"), ", ".join(contract_of(table).key)
        where = self.body(f"rows_of_{table.split('.')[1]}", *roles)
        return {_plain(row) for row in run(f"SELECT {key} FROM {view} WHERE {where}")}

    def called(self, run: Callable[[str], Iterable[tuple]], table: str) -> Rows:
        """Keys of the rows for which a table's function, called as the table calls it, says yes."""
        view, key = table.replace(".", "_"), ", ".join(contract_of(table).key)
        put = next(found for found in self.statements if found.startswith(_filtered(table)))
        function, given = re.findall(r"`(\w+)` ON \((.*)\)", put)[0]
        return {_plain(row) for row in run(f"SELECT {key} FROM {view} WHERE {function}({given})")}

    def expected(self, table: str, *roles: str) -> Rows:
        """Keys of the rows that the dashboards' files have for whoever has these roles."""
        contract, scope = contract_of(table), self.policy.scope(roles)
        assert scope
        if not scope.persons and KEY in contract.key:
            return set()
        rows = self._published.sql(cut(table, scope, self.brands))
        return {_plain(row) for row in rows.select(*contract.key).fetchall()}

    @cached_property
    def _published(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute("CREATE SCHEMA published")
        connection.execute(f"SET VARIABLE salt = '{SALT}'")
        for name, rows in self.tables.items():
            connection.register("rows", rows)
            connection.execute(f'CREATE TABLE published."{name}" AS SELECT * FROM rows')
        return connection


def salted(rows: Rows, table: str) -> Rows:
    """With customers' keys as the dashboards' files have them."""
    place = [name == KEY for name in contract_of(table).key]
    return {
        tuple(
            hashlib.sha256(f"{SALT}{value}".encode()).hexdigest()[:16] if is_key else value
            for value, is_key in zip(row, place, strict=True)
        )
        for row in rows
    }


def on_duckdb(tables: dict[str, pyarrow.Table]) -> Callable[[str], list[tuple]]:
    """Runs Databricks SQL, translated, over copies of these tables."""
    connection = duckdb.connect()
    connection.execute("CREATE MACRO get(list, place) AS list[place + 1]")
    for name, rows in tables.items():
        connection.register("rows", rows)
        connection.execute(f"CREATE TABLE {name.replace('.', '_')} AS SELECT * FROM rows")
    return lambda text: connection.sql(
        sqlglot.transpile(text, read="databricks", write="duckdb")[0]
    ).fetchall()


def _filtered(table: str) -> str:
    return f"ALTER TABLE `c`.`gold`.`{table.split('.')[1]}` SET ROW FILTER"


def _plain(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(str(value) for value in row)

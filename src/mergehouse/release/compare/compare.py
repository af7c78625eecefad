"""Are two lakehouses aligned: the same columns, rows, KPIs and values, scores within 1e-6, the same
distributions.

DuckDB reads both sides and counts; of a table's rows only examples of differences come into Python. Every
cell takes part: columns are compared by a fingerprint of all their values, and cell by cell where
fingerprints differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from mergehouse.contracts.contract import Contract
from mergehouse.kpi.catalogue import catalogue, compute_over
from mergehouse.lakehouse.reader import limited, quoted, rows
from mergehouse.progress import Progress, silent
from mergehouse.project.settings import Limits
from mergehouse.release.compare.distribution import (
    NUMBERS,
    TOLERANCE,
    Measured,
    distance,
    shapes,
    shares,
    summary,
)
from mergehouse.release.compare.sides import Side, contracts, lakehouse_side
from mergehouse.release.manifest.duckdb_statistics import relation
from mergehouse.release.manifest.statistics import exact_text

MOVED = 0.01  # a population stability index above this is no rounding
SAMPLED_KEYS = 200  # of each side
EXAMPLES = 3
SEED = "mergehouse"


@dataclass(frozen=True)
class Difference:
    """`what` is schema, table, rows, keys, values, distribution or kpi; `where` a table, a column as
    `table.column`, or a KPI.
    """

    what: str
    where: str
    message: str


@dataclass(frozen=True)
class ColumnComparison:
    """One column that both sides have. `differing` counts rows beyond the tolerance, `distance` is None where
    values are hidden.
    """

    name: str
    left: Measured
    right: Measured
    differing: int
    distance: float | None
    left_shares: dict[str, float]
    right_shares: dict[str, float]


@dataclass(frozen=True)
class TableComparison:
    """`sampled` keys were looked up on both sides and every cell compared; `added` rows of the right are
    beyond what a merge brings.
    """

    name: str
    left_rows: int
    right_rows: int
    added: int
    sampled: int
    columns: list[ColumnComparison]


@dataclass
class Comparison:
    """`kpis`: by name, scope to the two values as exact text."""

    left: str
    right: str
    tables: list[TableComparison] = field(default_factory=list)
    kpis: dict[str, dict[str, tuple[str | None, str | None]]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def aligned(self) -> bool:
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {"left": self.left, "right": self.right, "aligned": self.aligned} | {
            "differences": self.differences,
            "kpis": self.kpis,
            "tables": self.tables,
        }


def compare(left: str, right: str, progress: Progress = silent) -> Comparison:
    """Compares two lakehouses, each a path or URL: one that was built, its Gold tables, or one that a release
    came into, its `Tables/gold/`.

    Tables are those that releases are made of. Of tables that are merged on arrival (`release: merge`) the
    right side may have more rows. Raises LakehouseError where a side has no such table.
    """
    with limited(Limits()) as connection:
        sides = [lakehouse_side(connection, schema, place) for schema, place in (("a", left), ("b", right))]
        return compare_sides(connection, sides[0], sides[1], progress)


def compare_sides(
    connection: duckdb.DuckDBPyConnection,
    left: Side,
    right: Side,
    progress: Progress = silent,
) -> Comparison:
    """Compares what two sides have open in one connection."""
    result, known = Comparison(left.location, right.location), contracts()
    for name in sorted(left.tables.keys() | right.tables.keys()):
        if name not in left.tables or name not in right.tables:
            lacking = right if name in left.tables else left
            result.differences.append(Difference("table", name, f"it is not in {lacking.location}."))
        elif name not in known:
            result.differences.append(
                Difference("table", name, "no contract describes it, so it cannot be compared.")
            )
        else:
            progress(name)
            result.tables.append(_Table(connection, left, right, known[name], result.differences).compare())
    progress("KPIs")
    _compare_kpis(connection, left, right, result)
    return result


class _Table:
    """One table of both sides; what differs is added to `differences`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        left: Side,
        right: Side,
        contract: Contract,
        differences: list[Difference],
    ):
        self.connection, self.contract, self.differences = connection, contract, differences
        self.name = contract.table.split(".")[1]
        self.left, self.right = left.view(self.name), right.view(self.name)
        self.left_types, self.right_types = left.tables[self.name], right.tables[self.name]
        self.shared = [column for column in self.left_types if column in self.right_types]
        self.key = [column for column in contract.key if column in self.shared]
        self.hidden = frozenset(
            c for c in self.shared if c in contract.columns and contract.columns[c].pii != "none"
        )

    def compare(self) -> TableComparison:
        self._compare_schema()
        if len(self.key) < len(
            self.contract.key
        ):  # without its key a row cannot be found on the other side; the schema says it
            return TableComparison(self.name, self._count(self.left), self._count(self.right), 0, 0, [])
        added = self._leave_out_added() if self.contract.release == "merge" else 0
        left_types = {column: self.left_types[column] for column in self.shared}
        right_types = {column: self.right_types[column] for column in self.shared}
        left_rows, left = summary(self.connection, self.left, left_types, self.key, self.hidden)
        right_rows, right = summary(self.connection, self.right, right_types, self.key, self.hidden)
        if left_rows != right_rows:
            self._add_difference("rows", self.name, f"{left_rows:,} and {right_rows:,} rows.")
        alike = {c for c in self.shared if left_types[c] == right_types[c]}
        suspects = [
            c
            for c in self.shared
            if c not in self.key and (c not in alike or left[c].fingerprint != right[c].fingerprint)
        ]
        has_other_keys = left_rows != right_rows or any(
            left[c].fingerprint != right[c].fingerprint or c not in alike for c in self.key
        )
        differing = self._compare_cells(suspects) if suspects or has_other_keys else {}
        sampled = self._compare_sample([c for c in self.shared if c not in self.key and c not in differing])
        # all else is known to be distributed alike
        others = [c for c in self.shared if c in suspects or has_other_keys]
        return TableComparison(
            self.name,
            left_rows,
            right_rows,
            added,
            sampled,
            self._distributions(left, right, left_rows, right_rows, others, differing),
        )

    def _distributions(
        self,
        left: dict[str, Measured],
        right: dict[str, Measured],
        left_rows: int,
        right_rows: int,
        others: list[str],
        differing: dict[str, int],
    ) -> list[ColumnComparison]:
        """The columns with quantiles, bins of the left side's values, and how far the right side's are from
        them.
        """
        shown = {c: self.left_types[c] for c in self.shared if c not in self.hidden}
        own = {c: self.right_types[c] for c in others if c in shown}
        left_quantiles, bounds = shapes(self.connection, self.left, shown)
        right_quantiles = left_quantiles | shapes(self.connection, self.right, own)[0]
        left_shares = shares(self.connection, self.left, shown, bounds, left_rows)
        binned = {c: bounds[c] for c in own if own[c] == shown[c]}
        right_shares = {c: found for c, found in left_shares.items() if c not in own}
        right_shares |= shares(self.connection, self.right, own, binned, right_rows)
        columns = []
        for c in self.shared:
            one, other = left_shares.get(c, {}), right_shares.get(c, {})
            moved = distance(one, other) if one and other else None
            if moved is not None and moved > MOVED:
                self._add_difference(
                    "distribution",
                    f"{self.name}.{c}",
                    f"its values are distributed otherwise: stability index {moved:.3f}.",
                )
            sides = (
                replace(left[c], quantiles=left_quantiles.get(c, ())),
                replace(right[c], quantiles=right_quantiles.get(c, ())),
            )
            columns.append(ColumnComparison(c, *sides, differing.get(c, 0), moved, one, other))
        return columns

    def _compare_schema(self) -> None:
        for column in sorted(self.left_types.keys() | self.right_types.keys()):
            there, here = self.left_types.get(column), self.right_types.get(column)
            if there != here:
                self._add_difference(
                    "schema",
                    f"{self.name}.{column}",
                    f"{_spoken(there)} on the left, {_spoken(here)} on the right.",
                )

    def _leave_out_added(self) -> int:
        """Of a table that is merged on arrival the right side is compared in the rows that the left has;
        returns how many it leaves out.
        """
        same = " AND ".join(f"l.{quoted(c)} IS NOT DISTINCT FROM r.{quoted(c)}" for c in self.key)
        view = f"{self.right}_common"
        both = f"FROM {relation(self.right)} AS r SEMI JOIN {relation(self.left)} AS l ON {same}"
        self.connection.execute(f"CREATE OR REPLACE VIEW {relation(view)} AS SELECT r.* {both}")
        count = self._count(self.right) - self._count(view)
        self.right = view
        return count

    def _count(self, view: str) -> int:
        return rows(self.connection, f"SELECT count(*) AS n FROM {relation(view)}")[0]["n"]

    def _compare_cells(self, columns: list[str]) -> dict[str, int]:
        """Rows of the whole table that differ beyond the tolerance, by column; keys that only one side has
        are named as well.
        """
        same = self._same_key()
        for one, other, side in ((self.left, self.right, "left"), (self.right, self.left, "right")):
            lone = f"FROM {relation(one)} AS l ANTI JOIN {relation(other)} AS r ON {same}"
            if count := rows(self.connection, f"SELECT count(*) AS n {lone}")[0]["n"]:
                example = rows(self.connection, f"SELECT {self._shown_key()} AS k {lone} ORDER BY k LIMIT 1")[
                    0
                ]["k"]
                self._add_difference(
                    "keys", self.name, f"{count:,} rows are only on the {side}, for example {example}."
                )
        both = f"FROM {relation(self.left)} AS l JOIN {relation(self.right)} AS r ON {same}"
        if not columns:
            return {}
        counts = ", ".join(
            f"count(*) FILTER (WHERE {self._differ(c)}) AS n_{n}" for n, c in enumerate(columns)
        )
        row = rows(self.connection, f"SELECT {counts} {both}")[0]
        found = {c: row[f"n_{n}"] for n, c in enumerate(columns)}
        for c in (c for c in columns if found[c]):
            self._name_cells(c, f"{found[c]:,} rows differ", both)
        return found

    def _compare_sample(self, columns: list[str]) -> int:
        """Looks up sampled keys of either side on both, and compares the cells of columns that fingerprints
        call equal.
        """
        keys = ", ".join(f"CAST({quoted(c)} AS VARCHAR) AS {quoted(c)}" for c in self.key)
        order = f"hash('{SEED}', {', '.join(f'CAST({quoted(c)} AS VARCHAR)' for c in self.key)})"
        picks = [
            f"(SELECT {keys} FROM {relation(view)} ORDER BY {order} LIMIT {SAMPLED_KEYS})"
            for view in (self.left, self.right)
        ]
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE picked AS {' UNION '.join(picks)}")
        same = [
            " AND ".join(
                f"p.{quoted(c)} IS NOT DISTINCT FROM CAST({s}.{quoted(c)} AS VARCHAR)" for c in self.key
            )
            for s in "lr"
        ]
        both = (
            f"FROM picked AS p JOIN {relation(self.left)} AS l ON {same[0]} JOIN {relation(self.right)} AS r"
            f" ON {same[1]}"
        )
        counts = "".join(
            f", count(*) FILTER (WHERE {self._differ(c)}) AS n_{n}" for n, c in enumerate(columns)
        )
        row = rows(self.connection, f"SELECT count(*) AS found{counts} {both}")[0]
        for n, c in enumerate(columns):
            if row[f"n_{n}"]:
                self._name_cells(c, f"{row[f'n_{n}']:,} of {row['found']:,} sampled rows differ", both)
        return row["found"]

    def _name_cells(self, column: str, how: str, both: str) -> None:
        """Says how many cells of a column differ, with examples; values of persons are not shown."""
        where = f"{self.name}.{column}"
        values = ", ".join(f"CAST({side}.{quoted(column)} AS VARCHAR) AS {side}" for side in "lr")
        sql = (
            f"SELECT {self._shown_key()} AS k, {values} {both} WHERE {self._differ(column)} ORDER BY k LIMIT"
            f" {EXAMPLES}"
        )
        examples = rows(self.connection, sql)
        shown = [
            f"{e['k']}" + ("" if column in self.hidden else f": {e['l']} and {e['r']}") for e in examples
        ]
        self._add_difference("values", where, f"{how}, for example {'; '.join(shown)}.")

    def _same_key(self) -> str:
        casts = {c: self.left_types[c] != self.right_types[c] for c in self.key}
        sides = {
            c: [f"CAST({s}.{quoted(c)} AS VARCHAR)" if casts[c] else f"{s}.{quoted(c)}" for s in "lr"]
            for c in self.key
        }
        return " AND ".join(f"{left} IS NOT DISTINCT FROM {right}" for left, right in sides.values())

    def _shown_key(self) -> str:
        """The key as text of the left row: `order_date = 2010-12-01, source_system = shop`."""
        return (
            "concat_ws(', ', "
            + ", ".join(f"'{c} = ' || coalesce(CAST(l.{quoted(c)} AS VARCHAR), 'empty')" for c in self.key)
            + ")"
        )

    def _differ(self, column: str) -> str:
        """True where the cells of two rows `l` and `r` are not equal, or numbers are further apart than the
        tolerance.
        """
        left, right = f"l.{quoted(column)}", f"r.{quoted(column)}"
        kinds = self.left_types[column], self.right_types[column]
        if all(kind.startswith(NUMBERS) for kind in kinds):
            return f"(({left} IS NULL) <> ({right} IS NULL) OR abs({left} - {right}) > {TOLERANCE})"
        if kinds[0] != kinds[1]:
            left, right = f"CAST({left} AS VARCHAR)", f"CAST({right} AS VARCHAR)"
        return f"({left} IS DISTINCT FROM {right})"

    def _add_difference(self, what: str, where: str, message: str) -> None:
        self.differences.append(Difference(what, where, message))


def _compare_kpis(connection: duckdb.DuckDBPyConnection, left: Side, right: Side, result: Comparison) -> None:
    """Every KPI of the catalogue, computed over each side's own tables."""
    values = []
    for side in (left, right):
        named = [kpi.model_dump() for kpi in catalogue()]
        here = [
            kpi | {"table": side.view(kpi["table"].split(".")[1])} if kpi["table"] else kpi for kpi in named
        ]
        values.append(compute_over(connection, [side.view(name) for name in side.tables], here))
    for kpi in catalogue():
        on_left, on_right = (
            {scope: exact_text(named.get(kpi.name)) for scope, named in side.items()} for side in values
        )
        pairs = {scope: (on_left.get(scope), on_right.get(scope)) for scope in on_left | on_right}
        result.kpis[kpi.name] = pairs
        for scope, (one, other) in pairs.items():
            if one != other:
                result.differences.append(
                    Difference(
                        "kpi", kpi.name, f"{kpi.label} of {scope} is {one} on the left, {other} on the right."
                    )
                )


def _spoken(kind: str | None) -> str:
    return kind.lower() if kind else "absent"

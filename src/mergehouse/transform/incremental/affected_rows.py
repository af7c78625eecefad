"""Which rows of a stacked staging view new deliveries affect, read off the brands' own SQL.

A brand's query is followed where it is one SELECT over its line source, or a UNION ALL of such, joined to
other sources by equal columns: then a new row of any source affects the lines it is joined to, and nothing
else. Any other query is computed whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.engine import Relation
from mergehouse.engine.dialect import Sql
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch, replaced_among
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_files import brand_file
from mergehouse.transform.brand_queries import brand_queries, line_source, version_key
from mergehouse.transform.source_views import among_batches, latest, typed_column, typed_rows
from mergehouse.transform.staging_views import stacked

LINE = ("batch_id", "line_part", "source_row")  # what tells lines of delivered rows apart
WHOLE_RESULT = (
    exp.AggFunc,
    exp.Window,
    exp.Subquery,
    exp.Distinct,
    exp.Group,
    exp.Limit,
    exp.CTE,
    exp.Explode,
    exp.SetOperation,
)


@dataclass
class Affected:
    """What new deliveries reach in a view. `relations` are to be kept, in order; over these `now` is SQL of
    the affected rows as they are now, and `versions` of every delivered version of them.

    `slice` names the columns of the slices that are affected whole, where rows are told apart by what brings
    them. Where a brand's query `is_followed` not, nothing is known but that the view may have changed.
    """

    slice: tuple[str, ...] = ()
    relations: dict[Relation, str] = field(default_factory=dict)
    now: Sql = ""
    versions: Sql = ""
    is_followed: bool = True


@dataclass(frozen=True)
class _Join:
    """A source and the columns it is joined on: its own and, place by place, those of the line source."""

    source: str
    columns: list[str]
    line_columns: list[str]


def affected_rows(contract: Contract, brands: list[Brand], known: list[Batch], new: list[Batch]) -> Affected:
    """What `new` batches affect in the view that `contract` describes.

    Where one replaces an earlier batch, the rows of that are among the `versions`, and not as they are `now`.
    """
    result = Affected(LINE if set(LINE) <= contract.columns.keys() else ())
    now: list[tuple[Brand, exp.Query, Path]] = []
    versions: list[tuple[Brand, exp.Query, Path]] = []
    for brand in brands:
        file = brand_file(brand, contract)
        if not file.exists():
            continue
        read = sources_read(brand, file)
        if any(f"{b.source_system}_{b.source_table}" in read for b in new if b.source_system != brand.name):
            return replace(result, relations={}, is_followed=False)
        delivered = {b.source_table for b in new if b.source_system == brand.name}
        if not delivered & read:
            continue
        queries = brand_queries(brand, file)
        for part, query in enumerate(queries):
            shape = _shape(query, brand, needs_origin=bool(result.slice), is_part=len(queries) > 1)
            if shape is None:
                return replace(result, relations={}, is_followed=False)
            lines, joins = shape
            sources = (lines, *(j.source for j in joins))
            if not delivered & set(sources):
                continue
            restricted = {source: _relation(contract, brand, part, source) for source in sources}
            every_version = restricted | {lines: _relation(contract, brand, part, f"{lines}_all")}
            batches = [b for b in known + new if b.source_system == brand.name]
            result.relations |= _restricted(
                brand, restricted, every_version[lines], lines, joins, batches, new
            )
            now.append((brand, _over(query, brand, restricted), file))
            versions.append((brand, _over(query, brand, every_version), file))
    result.now, result.versions = stacked(contract, now), stacked(contract, versions)
    return result


def sources_read(brand: Brand, file: Path) -> set[str]:
    """The brand's sources that one of its queries reads.

    >>> brand = mh.project("shop").brands["shop"]
    >>> sources_read(brand, brand.folder / "order_lines.sql")
    {'lines'}
    """
    prefix = f"{brand.name}_"
    return {
        t.name.removeprefix(prefix)
        for query in brand_queries(brand, file)
        for t in query.find_all(exp.Table)
        if t.db == "typed"
    }


def _shape(
    query: exp.Query, brand: Brand, needs_origin: bool, is_part: bool
) -> tuple[str, list[_Join]] | None:
    """The line source and its joins, or None where the query has another shape.

    A part may leave rows out: it is followed where what it is joined to has no say in which.
    """
    if not isinstance(query, exp.Select) or any(query.find_all(*WHOLE_RESULT)):
        return None
    first = query.args["from_"].this if query.args.get("from_") else None
    joins = query.args.get("joins") or []
    if not isinstance(first, exp.Table) or any(not isinstance(j.this, exp.Table) for j in joins):
        return None
    prefix, alias = f"{brand.name}_", first.alias_or_name
    if needs_origin and line_source(query, brand)[1] != alias:
        return None
    chosen = query.args["where"].find_all(exp.Column) if query.args.get("where") else ()
    if is_part and joins and (any(j.side != "LEFT" for j in joins) or any(c.table != alias for c in chosen)):
        return None
    found = []
    for join in joins:
        if (
            join.side not in ("", "LEFT")
            or join.kind not in ("", "INNER", "OUTER")
            or join.args.get("on") is None
        ):
            return None
        condition = join.args["on"]
        tests = condition.flatten() if isinstance(condition, exp.And) else [condition]
        pairs = [pair for test in tests if (pair := _pair(test, join.this.alias_or_name, alias))]
        if not pairs:
            return None
        found.append(
            _Join(join.this.name.removeprefix(prefix), [own for own, _ in pairs], [line for _, line in pairs])
        )
    names = [first.name.removeprefix(prefix), *(j.source for j in found)]
    is_own = all(name in brand.sources for name in names)
    return (names[0], found) if is_own and len(set(names)) == len(names) else None


def _pair(test: exp.Expr, joined: str, lines: str) -> tuple[str, str] | None:
    """(column of the joined source, column of the line source) of `a.x = b.y`."""
    test = test.unnest()
    if not isinstance(test, exp.EQ):
        return None
    left, right = test.left, test.right
    if not isinstance(left, exp.Column) or not isinstance(right, exp.Column):
        return None
    sides = {left.table: left.name, right.table: right.name}
    return (sides[joined], sides[lines]) if set(sides) == {joined, lines} else None


def _relation(contract: Contract, brand: Brand, part: int, source: str) -> Relation:
    return Relation("delivered", contract.table, f"{brand.name}_{part}_{source}")


def _over(query: exp.Query, brand: Brand, relations: dict[str, Relation]) -> exp.Query:
    """The query over other relations than the typed views of the brand's sources."""
    query = query.copy()
    for table in query.find_all(exp.Table):
        source = table.name.removeprefix(f"{brand.name}_")
        if table.db == "typed" and source in relations:
            table.set("db", exp.to_identifier(relations[source].schema))
            table.set("this", exp.to_identifier(relations[source].name))
    return query


@dataclass(frozen=True)
class _Arrived:
    """SQL about what a brand's sources have in Bronze: `batches`, of which the `new` ones are affected."""

    brand: Brand
    batches: list[Batch]
    new: list[Batch]

    def of(self, table: str) -> list[Batch]:
        return self._of(table, self.batches)

    def _of(self, table: str, among: list[Batch]) -> list[Batch]:
        return [b for b in among if (b.source_system, b.source_table) == (self.brand.name, table)]

    def has_new(self, table: str) -> bool:
        return bool(self._of(table, self.new))

    def is_new(self, table: str) -> str:
        return among_batches(self._of(table, self.new))

    def typed(self, table: str, names: list[str]) -> str:
        columns = [typed_column(self.brand, table, name, self.of(table)) for name in names]
        return columns[0] if len(columns) == 1 else f"({', '.join(columns)})"

    def keys(self, table: str, names: list[str], where: str) -> str:
        """Non-empty key values of rows that meet the condition."""
        named = ", ".join(f"{self.typed(table, [name])} AS `{name}`" for name in names)
        filled = " AND ".join(f"`{name}` IS NOT NULL" for name in names)
        rows = f"SELECT {named} FROM {bronze_table(self.brand.name, table)} WHERE {where}"
        return f"SELECT * FROM ({rows}) AS keys WHERE {filled}"

    def changed(self, join: _Join) -> str:
        """Rows of a joined source that are new, and where the key does not fix what it is joined on, the
        versions they replace.
        """
        key, is_new = version_key(self.brand, join.source), self.is_new(join.source)
        if not key or set(join.columns) <= set(key):
            return is_new
        return f"{self.typed(join.source, key)} IN ({self.keys(join.source, key, is_new)})"


def _restricted(
    brand: Brand,
    relations: dict[str, Relation],
    every_version: Relation,
    lines: str,
    joins: list[_Join],
    batches: list[Batch],
    new: list[Batch],
) -> dict[Relation, str]:
    """SQL of the affected rows of each source, by its relation, and of `every_version` of each line."""
    came, replaced = {b.batch_id for b in new}, {b.replaces for b in new}
    arrived = _Arrived(brand, batches, [b for b in batches if b.batch_id in came | replaced])
    conditions = [arrived.is_new(lines)] if arrived.has_new(lines) else []
    conditions += [
        f"{arrived.typed(lines, j.line_columns)} IN ({arrived.keys(j.source, j.columns, arrived.changed(j))})"
        for j in joins
        if arrived.has_new(j.source)
    ]
    where = " OR ".join(conditions)
    # all versions of an affected line, so that the latest can be told; lines without a key count as one
    if own := version_key(brand, lines):
        empty = " OR ".join(f"{arrived.typed(lines, [name])} IS NULL" for name in own)
        where = f"{arrived.typed(lines, own)} IN ({arrived.keys(lines, own, where)}) OR {empty}"
    at_all = [replace(b, replaces=None) if b.batch_id in came else b for b in arrived.of(lines)]
    counting = _without(replaced_among(arrived.of(lines)), f"SELECT * FROM {every_version}")
    views = {
        every_version: typed_rows(brand, lines, at_all, where),
        relations[lines]: latest(brand.sources[lines], own, counting),
    }
    for join in joins:
        key, there = version_key(brand, join.source), arrived.of(join.source)
        if not there or (key and not set(join.columns) <= set(key)):  # some versions of a key may be missing
            views[relations[join.source]] = f"SELECT * FROM typed.{brand.name}_{join.source}"
            continue
        wanted = ", ".join(f"`{c}`" for c in join.line_columns)
        needed = f"{arrived.typed(join.source, join.columns)} IN (SELECT {wanted} FROM {every_version})"
        rows = typed_rows(brand, join.source, there, needed)
        views[relations[join.source]] = latest(brand.sources[join.source], key, rows)
    return views


def _without(batches: list[Batch], rows: str) -> str:
    return f"{rows} WHERE NOT {among_batches(batches)}" if batches else rows

"""A line that comes later means what it means in a rebuild, on days when the clocks change too: SQL is parsed
once, and written anew it is the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlglot import exp
from tests.architecture.house import FILES
from tests.conftest import Shop

from mergehouse.cli.scaffold import write_project
from mergehouse.contracts.registry import contracts
from mergehouse.engine.dialect import parsed, to_duckdb, to_spark
from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.reader import connect
from mergehouse.project.config import load_project
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.transform.incremental.plan import renamed
from mergehouse.transform.model_graph import build_graph

# What Berlin's clocks show around the changes of 2027, and the instant: an hour less than shown in winter,
# two in summer. On 28 March they go from 2 to 3 o'clock, on 31 October from 3 back to 2.
BERLIN = {
    "2027-03-28 01:59:59": "2027-03-28 00:59:59",
    "2027-03-28 03:00:00": "2027-03-28 01:00:00",
    "2027-03-28 08:25:00": "2027-03-28 06:25:00",
    "2027-10-31 01:59:59": "2027-10-30 23:59:59",
    "2027-10-31 03:00:00": "2027-10-31 02:00:00",
    "2027-12-31 23:59:59": "2027-12-31 22:59:59",
    "2028-01-01 00:30:00": "2027-12-31 23:30:00",
    "2028-02-29 00:30:00": "2028-02-28 23:30:00",
}
# functions of Spark that brands' own queries have been seen to use, besides those in the templates
OF_BRANDS = """
  INT(a), DATE(a), STRING(a), DOUBLE(a), a::DATE, DATE'2027-03-28', TIMESTAMP'2027-03-28 08:25:00',
  TIMESTAMP_NTZ'2027-03-28 08:25:00', TO_DATE(a), TO_TIMESTAMP(a), TO_TIMESTAMP(a, 'yyyy-MM-dd HH:mm'),
  TO_UTC_TIMESTAMP(a, 'Europe/Berlin'), FROM_UTC_TIMESTAMP(a, 'Europe/Berlin'),
  TO_UTC_TIMESTAMP(CAST(a AS TIMESTAMP), b), CONVERT_TIMEZONE('UTC', 'Europe/Berlin', a),
  CONVERT_TIMEZONE('Europe/Berlin', a), DATE_ADD(a, 1), DATE_SUB(a, 1), DATEDIFF(a, b), DATEDIFF(DAY, a, b),
  ADD_MONTHS(a, 1), MONTHS_BETWEEN(a, b), DATE_TRUNC('HOUR', a), TRUNC(a, 'MM'), LAST_DAY(a), DAYOFWEEK(a),
  HOUR(a), DATE_FORMAT(a, 'yyyy-MM'), a + INTERVAL 1 DAY, a - INTERVAL '2' HOURS, MAKE_DATE(a, b, 1),
  TIMESTAMPDIFF(MINUTE, a, b), TIMESTAMPADD(HOUR, 1, a), UNIX_TIMESTAMP(a), TIMESTAMP_SECONDS(a),
  NVL(a, b), IF(a > b, a, b), IFNULL(a, b), NULLIF(a, b), GREATEST(a, b), a <=> b, a DIV b, a % b,
  ROUND(a, 2), SUBSTR(a, -2), LEFT(a, 2), SPLIT(a, '-')[0], SPLIT_PART(a, '-', 1), INSTR(a, 'x'),
  LOCATE('x', a), LPAD(a, 9, '0'), CONCAT_WS('-', a, b), REGEXP_EXTRACT(a, '([0-9]+)', 1), a RLIKE '^[0-9]',
  REGEXP_REPLACE(a, '[.]', ''), a ILIKE 'x%', INITCAP(a), TRANSLATE(a, 'xy', 'z'), TRIM(BOTH '0' FROM a),
  a || b, GET_JSON_OBJECT(a, '$.x')
"""


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, exp.Query]:
    """What mergehouse and the templates' brands ask, by what it is for. One source is written in two ways."""
    folder = tmp_path_factory.mktemp("templates")
    write_project(folder)
    project = load_project(folder)
    ways = ['{"timestamp": ["d.M.yyyy H:mm"]}', '{"number": {"decimal_mark": ","}}']
    batches = [
        delivered(brand.name, table, number, formats)
        for brand in project.brands.values()
        for table in brand.sources
        for number, formats in enumerate(["{}", *ways])
    ]
    graph = build_graph(project, batches, mapping_tables(project), "", lambda table: "")
    asked = {name: node.sql for name, node in (graph.tables | graph.views).items() if node.sql}
    asked |= {
        f"{contract.table}: {check.name}": check.sql
        for layer in ("silver", "gold")
        for contract in contracts(layer)
        for check in contract.checks
        if check.sql
    }
    asked["brands"] = f"SELECT {OF_BRANDS} FROM given"
    asked["two of one name"] = " UNION ALL ".join(
        f"SELECT * FROM (SELECT * FROM (WITH t AS (SELECT {n} AS n) SELECT * FROM t) AS b) AS a" for n in "12"
    )
    return {name: parsed(sql) if isinstance(sql, str) else sql for name, sql in asked.items()}


def delivered(brand: str, table: str, number: int, formats: str) -> Batch:
    origin = (f"{brand}{table}{number}", brand, table, "a.csv", "a.csv", 1, 1, "loaded", 1, 0, ",", "utf-8")
    return Batch(*origin, formats, "[]", dt.datetime(2027, 1, 1, tzinfo=dt.UTC))


def test_sql_that_is_written_anew_means_the_same(queries: dict[str, exp.Query]) -> None:
    """Spark is sent a tree as text. Whatever a model or a brand begins to use is tried from then on."""
    assert len(queries) > 60
    changed = {name: lost for name, query in queries.items() if (lost := list(meant_otherwise(query)))}
    assert not changed


def meant_otherwise(query: exp.Query) -> Iterator[str]:
    """The innermost functions and operators of which another tree or other SQL for DuckDB is read."""
    again = parsed(to_spark(query))
    for node in (*query.walk(), *again.walk()):
        node.comments = None  # they may come to stand elsewhere
    if again == query and to_duckdb(again) == to_duckdb(query):
        return
    innermost = [
        to_spark(asked)
        for node in query.find_all(exp.Func, exp.Binary, exp.Unary, exp.Interval)
        if not isinstance(node, exp.Connector) and parsed(to_spark(asked := exp.select(node.copy()))) != asked
    ]
    yield from innermost or ["the query as a whole"]


def test_a_function_that_does_change_is_found() -> None:
    """UNIX_DATE is written as a difference of days, whose end is then read as a date of its own."""
    assert (
        list(meant_otherwise(parsed("SELECT 1 + UNIX_DATE(a) AS n")))[-1]
        == "SELECT DATEDIFF(DAY, CAST('1970-01-01' AS DATE), a)"
    )
    assert not list(meant_otherwise(parsed("SELECT 1 + DATEDIFF(a, b) AS n")))


@pytest.mark.parametrize("written_anew", [False, True])
def test_berlins_clocks_are_read_the_same_however_a_query_comes(written_anew: bool) -> None:
    rows = " UNION ALL ".join(f"SELECT '{shown}' AS shown" for shown in BERLIN)
    sql = (
        "SELECT shown, TO_UTC_TIMESTAMP(CAST(shown AS TIMESTAMP_NTZ), 'Europe/Berlin') AS a,"
        " TO_UTC_TIMESTAMP(shown, 'Europe/Berlin') AS b,"
        " TO_UTC_TIMESTAMP(CAST(shown AS TIMESTAMP), 'Europe/Berlin') AS c,"
        f" CONVERT_TIMEZONE('Europe/Berlin', 'UTC', CAST(shown AS TIMESTAMP_NTZ)) AS d FROM ({rows}) AS given"
    )
    query = renamed(to_spark(renamed(sql, {})) if written_anew else sql, {})
    for shown, *instants in connect().execute(to_duckdb(query)).fetchall():
        naive = {instant.replace(tzinfo=None) for instant in instants}
        assert naive == {dt.datetime.fromisoformat(BERLIN[shown])}, shown


def test_nobody_else_parses_or_writes_spark_sql() -> None:
    """Else a text could be made of a tree, and be parsed again. What is written for other platforms no engine
    here runs.
    """
    others = [
        name
        for name, file in FILES.items()
        if name not in ("mergehouse.engine.dialect", "mergehouse.engine.spark_functions")  # DuckDB's words
        and not name.startswith("mergehouse.platform.")
        and "parse_one(" in file.read_text(encoding="utf-8")
    ]
    assert not others


@pytest.mark.slow("two runs")
def test_a_line_of_a_day_with_a_clock_change_that_comes_later(shop: Shop) -> None:
    """Each is delivered after another day's, and once more: it counts once, at the instant that Berlin's
    clocks were showing.
    """
    sold = {f"A{number}": shown for number, shown in enumerate(BERLIN)}
    lines = [f"{order},1,{shown},P1,Mug,2,5.00,77,Germany,EUR" for order, shown in sold.items()]
    now = dt.datetime(2028, 3, 2, tzinfo=dt.UTC)
    shop.deliver_lines("A,1,2027-03-27 10:00:00,P1,Mug,2,5.00,77,Germany,EUR", *lines[:3])
    shop.run("silver", now=now)
    shop.deliver_lines(*lines, name="lines_2.csv")
    shop.deliver_lines(*reversed(lines), name="lines_3.csv")
    result = shop.run("silver", now=now + dt.timedelta(days=1))
    assert {t.table: t.status for t in result.tables}["silver.order_lines"] == "updated"
    at = "strftime(order_ts AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S')"
    found = dict(shop.rows(f"SELECT order_id, {at} FROM silver.sales_clean WHERE order_id <> 'A'"))
    assert found == {order: BERLIN[shown] for order, shown in sold.items()}
    repeats = shop.rows("SELECT kind, count(*) FROM silver.duplicates GROUP BY ALL")
    assert repeats == [("across_deliveries", 3 + len(BERLIN))]

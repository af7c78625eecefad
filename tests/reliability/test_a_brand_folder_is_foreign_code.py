"""A brand folder from somebody else reads its own exports and computes order lines, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest
from tests.command import call
from tests.conftest import SHOP_BRAND, Shop
from tests.pipeline.test_isolation import gmv, line, two

from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.errors import ConfigError, SourceError
from mergehouse.ingest.brand_source import brand_sources
from mergehouse.ingest.landing import find_files
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import load_project
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.project.settings import Limits
from mergehouse.project.yaml_file import read_yaml
from mergehouse.transform.allowed_sql import parsed
from mergehouse.transform.brand_sql import resolved

FILE = Path("order_lines.sql")
REFUSED = """
SELECT content FROM lines, LATERAL read_text('/etc/passwd')
SELECT content FROM read_text('/etc/passwd')
SELECT a FROM lines JOIN read_csv('/etc/passwd') AS c ON c.a = lines.a
SELECT (SELECT content FROM read_text('/etc/passwd')) AS a FROM lines
SELECT a FROM lines WHERE a IN (SELECT content FROM read_blob('/etc/passwd'))
WITH c AS (SELECT * FROM parquet_scan('/data/x')) SELECT a FROM c
SELECT a FROM lines UNION ALL SELECT file FROM glob('/home/*')
SELECT * FROM `read_text`('/etc/passwd')
SELECT * FROM system.main.read_text('/etc/passwd')
SELECT '/etc/passwd'.read_text() AS a
SELECT * FROM TABLE(read_text('/etc/passwd'))
SELECT * FROM sniff_csv('/etc/passwd')
SELECT * FROM duckdb_settings()
SELECT * FROM pragma_table_info('x')
SELECT * FROM query('SELECT 1')
SELECT * FROM query_table('bronze.other_lines')
SELECT * FROM read_files('/data')
SELECT * FROM IDENTIFIER('bronze.other_lines')
SELECT * FROM STREAM(lines)
SELECT TRANSFORM(a) USING 'cat /etc/passwd' AS (b) FROM lines
SELECT getenv('AWS_SECRET_ACCESS_KEY') AS a
SELECT current_setting('home_directory') AS a
SELECT current_user AS a
SELECT java_method('java.lang.System', 'getenv', 'HOME') AS a
SELECT reflect('java.lang.System', 'getenv', 'HOME') AS a
SELECT ai_query('model', a) AS b FROM lines
SELECT secret('scope', 'key') AS a
SELECT input_file_name() AS a FROM lines
SELECT my_udf(a) AS a FROM lines
SELECT max(a) OVER (ORDER BY read_text('/x')) AS a FROM lines
SELECT a FROM lines QUALIFY read_text('/x') = a
SELECT CASE WHEN a THEN getenv('HOME') END AS a FROM lines
SELECT COLUMNS(*) FROM lines
SELECT a INTO stolen FROM lines
SELECT ${secret} AS a
SELECT a FROM lines VERSION AS OF 3
SELECT a FROM one.two.three.lines
COPY lines TO '/tmp/stolen'
ATTACH '/tmp/other.db' AS other
INSTALL httpfs
SET lock_configuration = false
PRAGMA database_list
INSERT INTO lines SELECT 1
CREATE TABLE stolen AS SELECT 1
SELECT 1; DROP TABLE lines
""".strip().splitlines()
UNREADABLE = {
    "nothing": "",
    "a comment alone": "-- SELECT 1",
    "an open quote": "SELECT 'a",
    "an open comment": "SELECT 1 /* a",
    "10,000 brackets": "SELECT " + "(" * 10_000 + "1" + ")" * 10_000,
    "400 NOTs": "SELECT " + "NOT " * 400 + "1",
    "CASE in CASE": "SELECT " + "CASE WHEN a THEN " * 3_000 + "1" + " END" * 3_000,
    "nested types": "SELECT CAST(a AS " + "ARRAY<" * 300 + "INT" + ">" * 300 + ")",
    "joins without a condition": "SELECT 1 FROM lines " + "JOIN lines " * 40,
    "half a million letters": f"SELECT '{'a' * 500_000}'",
}
ALLOWED = """
SELECT * FROM range(10)
SELECT explode(sequence(1, 3)) AS n FROM lines
SELECT v.a FROM VALUES (1), (2) AS v(a)
SELECT e FROM lines LATERAL VIEW explode(split(a, ',')) t AS e
WITH c AS (SELECT a FROM lines) SELECT max(a) AS a FROM c GROUP BY ALL HAVING count(*) > 1
SELECT a, row_number() OVER (PARTITION BY b ORDER BY c DESC) AS n FROM lines QUALIFY n = 1
SELECT transform(array(1), x -> x + 1)[0] AS a, get_json_object(b, '$.c') AS c, now() AS d FROM lines
SELECT a FROM lines LEFT SEMI JOIN stock ON stock.a = lines.a CROSS JOIN days
""".strip().splitlines()


@pytest.mark.parametrize("sql", REFUSED)
def test_sql_that_does_more_than_compute_is_refused(sql: str) -> None:
    with pytest.raises(
        ConfigError, match=r"order_lines\.sql.*(not for a brand's SQL|expected one SELECT|not valid)"
    ):
        parsed(sql, FILE)


@pytest.mark.parametrize("what", UNREADABLE)
def test_sql_that_cannot_be_read_is_one_message(what: str) -> None:
    with pytest.raises(ConfigError) as found:
        parsed(UNREADABLE[what], FILE)
    assert str(found.value).startswith("order_lines.sql") and len(str(found.value)) < 400


@pytest.mark.parametrize("sql", ALLOWED)
def test_sql_that_computes_is_allowed(sql: str) -> None:
    assert parsed(sql, FILE)


READS = {
    "bronze.other_lines": "bronze.other_lines",
    "typed.other_lines": "typed.other_lines",
    "gold.customer_360": "gold.customer_360",
    "monitor.runs": "monitor.runs",
    "information_schema.tables": "information_schema.tables",
    "delta.`/lakehouse/gold/dim_brand`": "delta./lakehouse/gold/dim_brand",
    "parquet.`/data/x.parquet`": "parquet./data/x.parquet",
    "json.`/data/x.json`": "json./data/x.json",
    "'/data/x.csv'": "/data/x.csv",
    "`/data/x.parquet`": "/data/x.parquet",
    "duckdb_tables": "duckdb_tables",
    "mapping.brands": "mapping.brands",
    "other.lines": "other.lines",
}


@pytest.mark.parametrize("table", READS)
def test_a_brand_reads_its_own_sources(table: str, shop: Shop) -> None:
    file = shop.brand / "order_lines.sql"
    for sql in ("SELECT 1 AS a FROM {}", "SELECT (SELECT max(a) FROM {} AS t) AS a FROM lines"):
        file.write_text(sql.format(table))
        with pytest.raises(ConfigError, match=re.escape(f"reads `{READS[table]}`")):
            resolved(shop.project.brands["shop"], file)


def test_of_mappings_of_brands_a_brand_reads_its_own_rows(shop: Shop) -> None:
    file = shop.brand / "order_lines.sql"
    file.write_text(
        "SELECT m.category AS a FROM lines JOIN mapping.category_map AS m ON m.pattern = lines.item"
    )
    sql = resolved(shop.project.brands["shop"], file).sql("spark")
    assert "JOIN (SELECT * FROM mapping.category_map WHERE source_system = 'shop') AS m ON" in sql


def test_what_another_brand_has_is_read_where_brand_yml_says_so(shop: Shop) -> None:
    """Names of products, which the other brand alone delivers; what it delivers later counts as well."""
    other = two(shop)
    config = (other.brand / "brand.yml").read_text()
    other.configure(config + "  items: {files: 'items*', columns: {code: {type: code}, name: {}}}\n")
    shop.configure(SHOP_BRAND + "reads: [other.items]\n")
    file = shop.brand / "order_lines.sql"
    sql = file.read_text().replace("title AS product_name", "i.name AS product_name")
    sql = sql.replace("batch_id, source_row, ingest_ts", "lines.batch_id, lines.source_row, lines.ingest_ts")
    file.write_text(sql.replace("FROM lines", "FROM lines LEFT JOIN other.items AS i ON i.code = lines.item"))
    other.deliver("code,name\nP2,Lamp\n", "items_1.csv")
    shop.deliver_lines(line("A2", 2).replace(",P1,", ",P2,"), name="lines_2.csv")
    names = "SELECT order_id, product_name FROM silver.order_lines WHERE source_system = 'shop' ORDER BY 1"
    assert not shop.run("silver").failed
    assert shop.rows(names) == [("A1", None), ("A2", "Lamp")]
    other.deliver("code,name\nP1,Mug\n", "items_2.csv")
    assert not shop.run("silver").failed
    assert shop.rows(names) == [("A1", "Mug"), ("A2", "Lamp")]
    (other.brand / "brand.yml").write_text("label: [")
    with pytest.raises(
        ConfigError, match="shop.*`other.items` is no source of another brand that can be used"
    ):
        shop.run("silver")  # it waits with the other, and no brand is left


def test_the_engine_touches_no_file_elsewhere(tmp_path: Path) -> None:
    """Were SQL to come through all the same."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    engine = DuckDBEngine(Limits(), Lakehouse(tmp_path / "lakehouse"), tmp_path / "temp")
    (tmp_path / "lakehouse").mkdir()
    (tmp_path / "lakehouse/own.csv").write_text("a\n7\n")
    (tmp_path / "lakehouse/link.csv").symlink_to(tmp_path / "secret.csv")
    read = "SELECT * FROM read_csv('{}')"
    assert engine.rows(read.format(tmp_path / "lakehouse/own.csv")) == [{"a": 7}]
    for other in (
        read.format(tmp_path / "secret.csv"),
        read.format(tmp_path / "lakehouse/../secret.csv"),
        read.format(tmp_path / "lakehouse/link.csv"),
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "SET threads = 1",
        "INSTALL httpfs",
        f"COPY (SELECT 1) TO '{tmp_path}/stolen.csv'",
        f"ATTACH '{tmp_path}/other.db' AS other",
    ):
        with pytest.raises(duckdb.Error):
            engine.connection.execute(other)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lakehouse", "secret.csv"]


ALIASES = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML: dict[str, tuple[str | bytes, str]] = {
    "200,000 brackets": ("a: " + "[" * 200_000, "line 1.*within one another"),
    "200,000 braces": ("{a: " * 200_000, "line 1.*within one another"),
    "blocks in blocks": ("\n".join("  " * n + "a:" for n in range(500)), "within one another"),
    "a billion of aliases": (ALIASES, "aliases counted each time"),
    "an alias of itself": ("a: &a [*a]", "part of itself"),
    "a key that is a list": ("? [a, b]\n: c", "line 1.*a key that is a list"),
    "a key twice": ("a: 1\nb: 2\na: 3", "line 3.*`a` is there twice"),
    "an impossible date": ("as_of: 2026-02-30", "line 1.*day is out of range"),
    "a number of 5,000 digits": ("a: " + "9" * 5_000, "line 1"),
    "a tab": ("a:\n\tb: 1", "line 2"),
    "Python": ("a: !!python/object/apply:os.system [id]", "line 1.*constructor"),
    "no set": ("a: !!set [b]", "not valid"),
    "no time": ("a: !!timestamp b", "line 1"),
    "a NUL": (b"a: b\nc: \0", "line 2: a NUL"),
    "a control character": ("a: \x01", "control characters"),
    "UTF-16": ("a: b".encode("utf-16"), "UTF-16"),
    "no UTF-8": (b"a: b\nc: \xff", "line 2: not UTF-8"),
    "an open quote": ("a: 'b", "line 1"),
    "nothing": ("", "found nothing"),
    "a list": ("- a", "found a list"),
    "two documents": ("a: 1\n---\nb: 2", "line 2"),
}


@pytest.mark.parametrize("what", YAML)
def test_yaml_that_cannot_be_used_is_one_message(what: str, tmp_path: Path) -> None:
    content, expected = YAML[what]
    file = tmp_path / "brand.yml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=f"brand.yml.*{expected}") as found:
        read_yaml(file)
    assert len(str(found.value)) < 500


def test_keys_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("no: 1\n1: 2\nnull: 3\n2026-01-01: 4\nbase: &b {on: 5}\nmore: {<<: *b}\n")
    assert read_yaml(tmp_path / "a.yml") == {
        "no": 1, "1": 2, "null": 3, "2026-01-01": 4, "base": {"on": 5}, "more": {"on": 5},
    }  # fmt: skip


BRANDS = {
    "a number as key": ("sources:", "1: 2\nsources:", "unknown key `1`"),
    "a column 1": ("item: {type: code}", "1: {type: code}", r"columns\.1"),
    "no encoding": ('files: "lines*"', 'files: "lines*"\n    encoding: klingon', "klingon"),
    "a long number": ("currency: EUR", f"currency: EUR\nchurn_after_days: {'9' * 4_000}", "churn_after_days"),
    "an escape in the label": ("label: Shop", 'label: "\\e[2J"', "label"),
    "raw is etc": ("currency: EUR", "currency: EUR\nraw: /etc", "raw: /etc lies outside.*allow_outside"),
    "raw is above": ("currency: EUR", "currency: EUR\nraw: ../other", "lies outside"),
    "raw is the lakehouse": ("currency: EUR", "currency: EUR\nraw: lakehouse/bronze", "lie in one another"),
    "raw is the project": ("currency: EUR", "currency: EUR\nraw: .", "lie in one another"),
    "raw is a brand": ("currency: EUR", "currency: EUR\nraw: brands/shop", "holds the project itself"),
    "reads nobody": ("currency: EUR", "currency: EUR\nreads: [none.lines]", "reads.*none"),
}


@pytest.mark.parametrize("what", BRANDS)
def test_a_brand_yml_that_cannot_be_used_is_one_message(what: str, shop: Shop) -> None:
    before, after, expected = BRANDS[what]
    shop.configure(SHOP_BRAND.replace(before, after))
    with pytest.raises(ConfigError, match=expected) as found:
        load_project(shop.folder)
    assert str(shop.brand / "brand.yml") in str(found.value) and len(str(found.value)) < 600


LAKEHOUSES = (
    ".",
    "/",
    "..",
    "brands",
    "brands/shop",
    "mappings/x",
    "raw",
    "raw/shop",
    "raw/shop/x",
    "../other",
)


@pytest.mark.parametrize("place", LAKEHOUSES)
def test_a_lakehouse_has_a_folder_of_its_own(place: str, shop: Shop) -> None:
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text().replace("lakehouse: lakehouse ", f"lakehouse: {place} ", 1))
    with pytest.raises(ConfigError, match="lakehouse"):
        load_project(shop.folder)


def test_folders_outside_are_those_that_the_house_allows(shop: Shop, tmp_path: Path) -> None:
    """Links are followed first; an environment's own places need no leave."""
    config, outside = shop.folder / "mergehouse.yml", tmp_path / "exports"
    plain = config.read_text()
    shutil.move(shop.raw, outside)
    shop.raw.symlink_to(outside)
    with pytest.raises(ConfigError, match=re.escape(f"{outside} lies outside of the project")):
        load_project(shop.folder)
    for allowed in ("true", f"[{outside}]", f"[{tmp_path}]", "[../exports]"):
        config.write_text(f"{plain}\nallow_outside: {allowed}\n")
        assert load_project(shop.folder).brands["shop"].landing_zone == str(outside)
    config.write_text(f"{plain}\nallow_outside: [{tmp_path}/export]\n")
    with pytest.raises(ConfigError, match="lies outside"):
        load_project(shop.folder)


def test_links_among_exports_stay_among_them(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/lines.csv").write_text("a\n")

    def found() -> list[str]:
        [lines] = brand_sources(shop.project)
        return [f.name for f in find_files(lines, loaded_before=True)]

    shop.deliver_lines(line("A1", 1))
    (shop.raw / "lines_2.csv").symlink_to(shop.raw / "lines.csv")
    assert found() == ["lines.csv", "lines_2.csv"]
    for link, target in (("lines_3.csv", "secret.csv"), ("lines_4", "more")):
        (shop.raw / link).symlink_to(tmp_path / target)
        with pytest.raises(SourceError, match=f"{link}.*a link to {tmp_path / target}|{link}.*a link to"):
            found()
        (shop.raw / link).unlink()


MAPPINGS: dict[str, tuple[str | bytes, str]] = {
    "no UTF-8": (b"match,pattern,line_class\ncode,\xff,x\n", "line 2: not UTF-8"),
    "a NUL": (b"match,pattern,line_class\ncode,\0,x\n", "NUL"),
    "a field without end": (f'match,pattern,line_class\ncode,"{"x" * 200_000}', "not CSV"),
    "nothing": ("", "column `match` is missing"),
}


@pytest.mark.parametrize("what", MAPPINGS)
def test_a_mapping_file_that_cannot_be_used_is_one_message(what: str, shop: Shop) -> None:
    content, expected = MAPPINGS[what]
    (shop.brand / "line_types.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=f"line_types.csv.*{expected}"):
        mapping_tables(shop.project)


def test_folders_where_files_are_expected(shop: Shop) -> None:
    for name in ("line_types.csv", "products.sql"):
        (shop.brand / name).mkdir()
        with pytest.raises(ConfigError, match=f"{name}.*cannot be read"):
            shop.run()
        (shop.brand / name).rmdir()


def test_labels_and_names_cannot_steer_the_screen_or_the_report(shop: Shop) -> None:
    """Rich's markup, HTML, and escape codes in the name of a file and in a value."""
    label = "[/red][bold]<script>alert(1)</script>"
    shop.configure(SHOP_BRAND.replace("label: Shop", f"label: '{label}'"))
    shop.deliver_lines(line("A1", 1).replace("Mug", "[/]\x1b[2J"), name="lines[red]\x1b[2J.csv")
    (shop.raw / "[red]\x1b[2J.pdf").write_text("x")
    done = call("run", "-C", shop.folder)
    assert label in done.stdout and "\x1b" not in done.stdout + done.stderr
    assert "fault of mergehouse" not in done.stderr
    page = (shop.folder / "lakehouse/report.html").read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    shown = call("query", "-C", shop.folder, "SELECT product_name FROM silver.order_lines")
    assert "[/]" in shown.stdout and "\x1b" not in shown.stdout
    assert gmv(shop) == {"shop": 10}

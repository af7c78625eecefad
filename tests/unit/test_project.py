"""Configuration errors name the file, the key, and the nearest valid key."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, Shop

from mergehouse import __version__
from mergehouse.cli.scaffold import line_count, write_project
from mergehouse.errors import ConfigError
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.transform.model_graph import build_graph


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("label: Shop", "labl: Shop"), ["unknown key `labl`", "did you mean `label`"]),
        (("label: Shop", ""), ["key `label` is missing"]),
        (("label: Shop", 'label: "\\u202eShop"'), ["key `label`"]),  # turns the words after it
        (("currency: EUR", "currency: euro"), ["key `currency`", "'euro'"]),
        (("Europe/Berlin", "Europe/Berln"), ["key `timezone`", "did you mean `Europe/Berlin`"]),
        (("{type: number}", "{type: numbr}"), ["sources.lines.columns.qty.type", "'numbr'"]),
        (('files: "lines*"', 'fils: "lines*"'), ["unknown key `sources.lines.fils`", "did you mean `files`"]),
        (
            ('files: "lines*"', 'files: "lines*"\n    key: [ordr]'),
            ["sources.lines.key", "`ordr`", "did you mean `order`"],
        ),
        (("sources:", "sources:\n  - nothing"), ["not valid YAML", "line"]),
        (("label: Shop", "name: shop\nlabel: Shop"), ["key `name` is taken from the folder"]),
        (
            ("label: Shop", "label: Shop\nvault: true"),
            ["unknown key `vault`; expected one of: as_of, churn_"],
        ),
        (("label: Shop", "label: Shop\ndelimiter: ;"), ["`delimiter`; it is a key below `sources.<name>`"]),
        (
            ('files: "lines*"', 'files: "lines*"\n    prices: net'),
            ["prices`; it is a key of the file itself"],
        ),
        (("label: Shop", "label: Shop\nchurn_after_days: yes"), ["valid integer (found True)"]),
        (("label: Shop", "label: Shop\nas_of: 1767225600"), ["as_of`: expected a day from 1980-01-02"]),
        (("label: Shop", "label: Shop\nas_of: 20260-01-31"), ["as_of`: expected a day"]),
        (("label: Shop", "label: Shop\nas_of: 9999-12-31"), ["as_of`: expected a day"]),
        (("label: Shop", "label: Shop\nleave_out: {title: []}"), ["leave_out.title", "at least 1 item"]),
        (("label: Shop", "label: Shop\nleave_out: {title: [no]}"), ["(found False); put it in quotes"]),
        (("label: Shop", "label: Shop\ntax_rate: 5 %"), ["brand.yml: `tax_rate` is the tax within prices"]),
        (('files: "lines*"', 'files: ["lines*", ""]'), ["expected patterns of file names"]),
        (
            ('files: "lines*"', "files: lines*\n    delimiter: ','\n    quote: ','"),
            ["`,` cannot be the delimiter"],
        ),
        (
            ("{type: timestamp}", "{type: timestamp, format: dd.mm.yyyy}"),
            ["must have a year (yyyy) and a month"],
        ),
        (("{type: timestamp}", "{type: timestamp, format: MM/yyyy mm}"), ["minutes and no hours"]),
        (("{type: timestamp}", "{type: timestamp, format: yyyy-MM-dd hh}"), ["hh goes with a (AM or PM)"]),
        (("{type: timestamp}", "{type: timestamp, zones: {CET: '+25:00'}}"), ["an offset such as '+01:00'"]),
        (("Europe/Berlin", "localtime"), ["unknown IANA time zone 'localtime'"]),
    ],
)
def test_brand_file(shop: Shop, change: tuple[str, str], words: list[str]) -> None:
    assert change[0] in SHOP_BRAND
    shop.configure(SHOP_BRAND.replace(*change, 1))
    with pytest.raises(ConfigError) as error:
        load_project(shop.folder)
    for word in ["brand.yml", *words]:
        assert word in str(error.value)


def test_project_file(shop: Shop) -> None:
    file = shop.folder / "mergehouse.yml"
    file.write_text(file.read_text().replace("churn_after_days", "churn_days"))
    with pytest.raises(
        ConfigError, match=r"mergehouse.yml: unknown key `churn_days`; did you mean `churn_after_days`\?"
    ):
        load_project(shop.folder)
    with pytest.raises(ConfigError, match="mergehouse init"):
        load_project(shop.folder / "nowhere")
    file.write_text("name: shop\nenvironments: {dev: {engine: {nam: spark}}}\n")
    with pytest.raises(ConfigError, match=r"`environments.dev.engine.nam`; did you mean `name`\?"):
        load_project(shop.folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("qty AS quantity", "qty AS quantiy"),
            ["column `quantiy` is not part of staging.order_lines", "did you mean `quantity`"],
        ),
        (("qty AS quantity,", ""), ["column `quantity` is missing"]),
        (("FROM lines", "FROM linez"), ["reads `linez`", "did you mean `lines`"]),
        (("FROM lines", "FROM lines JOIN silver.orders"), ["reads `silver.orders`", "its own sources"]),
        (("SELECT `order`", "SELEC `order`"), ["not valid Spark SQL"]),
        (("`order` AS order_id", "*"), ["`SELECT *` is not allowed"]),
        (("qty AS quantity", "qty AS quantity, price AS quantity"), ["`quantity` is there twice"]),
        (("price AS unit_price", "price * RAND() AS unit_price"), ["`RAND()` is not for", "the same ones"]),
    ],
)
def test_staging_sql(shop: Shop, change: tuple[str, str], words: list[str]) -> None:
    file = shop.brand / "order_lines.sql"
    assert change[0] in file.read_text()
    file.write_text(file.read_text().replace(*change, 1))
    project = load_project(shop.folder)
    with pytest.raises(ConfigError) as error:
        build_graph(project, [], mapping_tables(project), "", lambda _: "")
    for word in ["order_lines.sql", *words]:
        assert word in str(error.value)


def test_missing_staging_sql(shop: Shop) -> None:
    (shop.brand / "order_lines.sql").unlink()
    with pytest.raises(ConfigError, match="order_lines.sql not found"):
        load_project(shop.folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("match,pattern,departmnt,category\n", ["column `department` is missing"]),
        (
            "match,pattern,department,category\nnam,MUG,Home,Mugs\n",
            ["row 2", "`nam`", "code, name, category"],
        ),
        (
            "match,pattern,department,category\nname,MUG,Home,Mugs, cups\n",
            ["row 2", "more cells than columns"],
        ),
    ],
)
def test_mapping_files(shop: Shop, text: str, words: list[str]) -> None:
    (shop.brand / "category_map.csv").write_text(text)
    with pytest.raises(ConfigError) as error:
        mapping_tables(load_project(shop.folder))
    for word in ["category_map.csv", *words]:
        assert word in str(error.value)


def test_fields_of_one_source_agree_with_themselves(shop: Shop) -> None:
    shop.configure(
        SHOP_BRAND + "reconcile: [{field: x, use: lines.qty, against: lines.price, key: order, why: y}]\n"
    )
    with pytest.raises(ConfigError, match=r"`lines.qty` and `lines.price` are of one source"):
        load_project(shop.folder)


def test_init_refuses_to_overwrite(tmp_path: Path) -> None:
    write_project(tmp_path / "p")
    with pytest.raises(ConfigError, match="exists already; nothing was changed"):
        write_project(tmp_path / "p")


def test_init_keeps_what_is_there_and_says_so(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    (tmp_path / "requirements.txt").write_text("pandas\n")
    written = write_project(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine\n" and (
        tmp_path / "requirements.txt"
    ).read_text() == "pandas\n"
    assert f"{tmp_path / '.gitignore'} was there already and is kept" in written
    assert any(line.endswith(f"it needs mergehouse=={__version__}") for line in written)


def test_init_writes_what_others_run(tmp_path: Path) -> None:
    write_project(tmp_path)
    assert {f.name for f in (tmp_path / ".github" / "workflows").iterdir()} == {
        "mergehouse-checks.yml", "mergehouse-promote.yml", "mergehouse-release.yml",
    }  # fmt: skip
    assert (tmp_path / "dags" / "mergehouse_release.py").is_file()
    assert (tmp_path / "requirements.txt").read_text() == f"mergehouse=={__version__}\n"
    # promotion goes in this order
    assert list(load_project(tmp_path).config.environments) == ["dev", "test", "prod", "ci"]


def test_init_finds_the_exports_or_says_why_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        write_project(tmp_path / "a", tmp_path / "nowhere")
    (tmp_path / "raw").mkdir()
    with pytest.raises(ConfigError, match="no folder there holds all files"):
        write_project(tmp_path / "b", tmp_path / "raw")
    assert not (tmp_path / "b").exists()  # nothing half-written


@pytest.mark.parametrize(
    ("text", "count"),
    [("200k", 200_000), ("10M", 10_000_000), ("1.5m", 1_500_000), ("1,000", 1_000), ("7", 7)],
)
def test_line_counts(text: str, count: int) -> None:
    assert line_count(text) == count


@pytest.mark.parametrize("text", ["", "many", "0", "-5", "10G"])
def test_line_counts_that_are_none(text: str) -> None:
    with pytest.raises(Exception, match="expected a number"):
        line_count(text)


ENVIRONMENTS = """
environments:
  dev:
    lakehouse: lakehouse-dev
  prod:
    lakehouse: /data/prod
    engine: {name: spark, remote: "sc://spark.example.com:15002"}
    limits: {memory: 8GB}
    raw: {shop: landing/shop}
"""


def test_an_environment_has_its_own_lakehouse_engine_limits_and_sources(shop: Shop) -> None:
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text() + ENVIRONMENTS)
    plain, dev, prod = (load_project(shop.folder, name) for name in (None, "dev", "prod"))
    assert plain.lakehouse_location == str(shop.folder / "lakehouse")
    assert dev.lakehouse_location == str(shop.folder / "lakehouse-dev") and dev.config.engine.name == "duckdb"
    assert (
        prod.lakehouse_location == "/data/prod"
        and prod.config.engine.remote == "sc://spark.example.com:15002"
    )
    assert prod.config.limits.memory == "8GB" and prod.brands["shop"].landing_zone == str(
        shop.folder / "landing/shop"
    )
    assert (
        dev.brands["shop"].landing_zone == plain.brands["shop"].landing_zone == str(shop.folder / "raw/shop")
    )


def test_an_unknown_environment_is_named_with_the_nearest(shop: Shop) -> None:
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text() + ENVIRONMENTS)
    with pytest.raises(ConfigError, match="environments: `prd` is not declared; did you mean `prod`"):
        load_project(shop.folder, "prd")


def test_an_environment_runs_into_its_own_lakehouse(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "project")
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text() + ENVIRONMENTS)
    shop.deliver_lines("A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR")
    assert not run(load_project(shop.folder, "dev"), until="bronze").failed
    assert (shop.folder / "lakehouse-dev" / "bronze" / "shop_lines").is_dir() and not (
        shop.folder / "lakehouse"
    ).exists()


@pytest.mark.parametrize("name", ["main`; DROP SCHEMA x", "a.b", "1st", ""])
def test_a_catalog_has_a_plain_name(shop: Shop, name: str) -> None:
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text() + f'engine: {{name: spark, catalog: "{name}"}}\n')
    with pytest.raises(
        ConfigError, match=r"mergehouse\.yml: key `engine\.catalog`: string should match pattern .* \(found "
    ):
        load_project(shop.folder)

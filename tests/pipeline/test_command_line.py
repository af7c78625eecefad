"""The command line as its users meet it."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from importlib import metadata
from pathlib import Path

import pytest
from tests.command import COMMAND, ROOT, call, expect
from tests.conftest import Shop, with_scores

from mergehouse.cli import main as cli
from mergehouse.cli.render import print_findings, print_kpis
from mergehouse.kpi.catalogue import catalogue
from mergehouse.quality.checks import CheckResult
from mergehouse.science.customer_scores import can_be_made

LINE = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


def call_as_process(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    return expect(
        subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT), code
    )


def test_help_is_a_table_of_contents() -> None:
    text = call_as_process("--help").stdout
    order = [
        text.index(f"\n  {word}")
        for word in ("init", "demo", "run", "check", "query", "kpi", "report", "docs", "doctor")
    ]
    assert order == sorted(order)


def test_version() -> None:
    assert call_as_process("--version").stdout == f"mergehouse {metadata.version('mergehouse')}\n"


def test_usage_errors_are_two_and_helpful() -> None:
    assert "Did you mean 'run'" in call_as_process("rum", code=2).stderr
    assert "No such option" in call_as_process("run", "--fulll", code=2).stderr
    assert "mergehouse init" in call_as_process("run", "-C", "/nowhere", code=2).stderr


@pytest.mark.slow("two processes that score")
def test_run_prints_kpis_findings_and_places(shop: Shop) -> None:
    shop.deliver_lines(LINE, "torn")
    text = call_as_process("run", "-C", shop.folder).stdout
    for word in (
        "1 files, 1 rows loaded, 1 torn rows kept",
        "GMV",
        "10.00",
        "Findings",
        "category_is_mapped",
        "checks passed",
        "report.html",
    ):
        assert word in text
    assert "up to date" in call_as_process("run", "-C", shop.folder).stdout


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_number_is_cut_in_a_narrow_window(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    brands = [f"brand_{n}" for n in range(6)]
    print_kpis({brand: {item.name: Decimal("1234567.89") for item in catalogue()} for brand in brands})
    printed = capsys.readouterr().out
    assert "\u2026" not in printed and max(map(len, printed.splitlines())) <= columns
    assert printed.count("1,234,567.89") % len(brands) == 0 and all(
        printed.count(brand) == 1 for brand in brands
    )


def test_run_as_json(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "project").with_science()
    shop.deliver_lines(LINE)
    with with_scores():
        result = json.loads(call("run", "-C", shop.folder, "--json").stdout)
    assert result["ok"] and result["deliveries"][0]["rows"] == 1
    assert can_be_made(shop.project)
    assert result["kpis"]["group"]["gmv"] == "10.00" and result["last_orders"] == {"shop": "2026-03-01"}
    assert Path(result["report"]).parent == Path(result["lakehouse"]) and result["dashboards_current"]
    told = (ROOT / "docs" / "run-book.md").read_text(encoding="utf-8").partition("## Every day")[2]
    assert [key for key in result if f"`{key}`" not in told.partition("## Who")[0]] == []
    # it was empty before
    assert {t["table"] for t in result["tables"] if t["status"] != "built"} == {"gold.customer_scores_gold"}


def test_an_error_says_why_and_shows_rows(capsys: pytest.CaptureFixture) -> None:
    rows = [{"order_id": "A1", "line_id": None}, {"order_id": "A2", "line_id": "1"}]
    print_findings([CheckResult("silver.sales_clean", "no_mugs", "error", 2, "There are no mugs.", rows)])
    printed = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in printed if line][1:] == [
        "error       2  silver.sales_clean: no_mugs",
        "There are no mugs.",
        "order_id = A1, line_id = None",
        "order_id = A2, line_id = 1",
    ]


def test_what_nobody_foresaw_is_one_message_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fails(**_: object) -> None:
        raise ValueError("cannot divide\nby it")

    monkeypatch.setattr("mergehouse.cli.commands.app", fails)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    file = Path(re.findall(r"report it with (\S+)\.\n", said)[0])
    assert (
        stopped.value.code == 1
        and "unexpected ValueError (cannot divide)" in said
        and "Traceback" not in said
    )
    assert "cannot divide\nby it" in file.read_text()
    file.unlink()


def test_a_stopped_source_is_exit_code_one(shop: Shop) -> None:
    shop.deliver("")
    text = call_as_process("run", "-C", shop.folder, code=1).stdout
    assert "the file is empty" in text and "keep their previous version" in text


def test_check_kpi_and_doctor_as_json(shop: Shop) -> None:
    shop.deliver_lines(LINE)
    call("run", "-C", shop.folder)
    assert json.loads(call("kpi", "-C", shop.folder, "--json").stdout)["shop"]["gmv"] == "10.00"
    assert all(
        c["passed"] or c["severity"] == "warn"
        for c in json.loads(call("check", "-C", shop.folder, "--json").stdout)
    )
    assert all(f["ok"] for f in json.loads(call("doctor", "-C", shop.folder, "--json").stdout))


def test_reading_before_the_first_run(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "project")
    for arguments in (["kpi"], ["kpi", "--json"], ["query", "SELECT 1"], ["report"]):
        assert "mergehouse run" in call(*arguments, "-C", shop.folder, code=2).stderr


def test_a_first_run_without_deliveries_says_what_to_put_where(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "project").with_science()
    said = call("run", "-C", shop.folder, code=1)
    assert "no file matches lines*" in said.stdout and "Next are models" not in said.stdout
    assert said.stderr == ""


def test_doctor_names_what_is_missing(shop: Shop) -> None:
    assert "no file matches lines*" in call("doctor", "-C", shop.folder, code=2).stdout
    (shop.folder / "access.yml").write_text("roles: [")
    said = call("doctor", "-C", shop.folder, code=2).stdout
    assert re.search(r"missing +access.yml +\S+access.yml, line", said)
    assert re.search(r"ok +extra science +installed|extra science .*pip install", said)


@pytest.mark.parametrize("output", ["table", "csv", "json", "parquet"])
def test_query_formats(sold: Shop, tmp_path: Path, output: str) -> None:
    import polars

    sql = "SELECT order_id, amount_eur, order_ts FROM silver.sales_clean ORDER BY 1"
    if output == "parquet":
        assert "--to FILE" in call("query", "-C", sold.folder, sql, "--format", "parquet", code=2).stderr
        call("query", "-C", sold.folder, sql, "--format", "parquet", "--to", tmp_path / "x.parquet")
        assert polars.read_parquet(tmp_path / "x.parquet")["order_id"].to_list() == ["A1", "A2", "A3"]
        return
    text = call("query", "-C", sold.folder, sql, "--format", output).stdout
    if output == "csv":
        assert text.splitlines()[1].startswith("A1,10.00,2026-03-01T09:00:00")
    elif output == "json":
        assert json.loads(text)[1]["order_id"] == "A2"
    else:
        assert text.splitlines()[0].split() == ["order_id", "amount_eur", "order_ts"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DROP TABLE silver.sales_clean", "exactly one SELECT"),
        ("SELECT 1; SELECT 2", "exactly one SELECT"),
        ("SELECT * FROM silver.sale_clean", "sales_clean"),
        ("SELECT * FROM read_csv('/etc/passwd')", "failed"),
        ("SELECT * FROM '/etc/passwd'", "failed"),
        ("COPY (SELECT 1) TO 'must-not-exist'", "exactly one SELECT"),
        ("SELEC 1", "failed"),
    ],
)
def test_query_reads_the_lakehouse_and_nothing_else(sold: Shop, sql: str, words: str) -> None:
    assert words in call("query", "-C", sold.folder, sql, code=2).stderr
    assert not (ROOT / "must-not-exist").exists()  # commands run in ROOT


def test_a_file_is_written_as_its_ending_says(sold: Shop, tmp_path: Path) -> None:
    sixty = "SELECT range AS n FROM range(60)"
    call("query", "-C", sold.folder, sixty, "--to", tmp_path / "n.csv")
    assert (tmp_path / "n.csv").read_text().splitlines() == ["n", *map(str, range(60))]
    said = call("query", "-C", sold.folder, sixty, "--to", tmp_path / "n.txt", code=2).stderr
    assert "n.txt: its ending says no format. Say --format" in said
    call("query", "-C", sold.folder, sixty, "--format", "table", "--to", tmp_path / "n.txt")
    assert "first 50 rows" in (tmp_path / "n.txt").read_text()


def test_no_column_is_lost_to_another_of_its_name(sold: Shop) -> None:
    sql = "SELECT 1 AS n, 2 AS n, 'NaN'::DOUBLE AS share"
    rows = json.loads(call("query", "-C", sold.folder, sql, "--format", "json").stdout, parse_constant=len)
    assert rows == [{"n": 1, "n_1": 2, "share": "NaN"}]
    said = call("query", "-C", sold.folder, "SELECT [1] AS list", "--format", "csv", code=2).stderr
    assert "CAST such a column AS VARCHAR" in said


def test_show_tables_lists_those_of_all_layers(sold: Shop) -> None:
    listed = call("query", "-C", sold.folder, "show tables;", "--format", "csv").stdout.split()
    assert listed[0] == "name" and {"bronze.shop_lines", "gold.sales_daily"} <= set(listed)

"""Scores: of every known customer, from the champion or what stands in for one, joined into the 360 views,
the same when run again.
"""

from __future__ import annotations

import datetime as dt
import json
import pickle
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import (
    SHOP_BRAND,
    SHOP_HEADER,
    SHOP_ORDER_LINES,
    Shop,
    prepared_shop,
    with_database_of_models,
    with_scores,
)
from tests.pipeline.test_training import BEGIN, DAYS, FEW, LINE, customers, without_reports

from mergehouse.cli.main import main
from mergehouse.errors import RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.computed import Request
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import check
from mergehouse.science import customer_scores
from mergehouse.science.registry.champion import promote_by_hand, record
from mergehouse.science.registry.versions import versions

pytestmark = [pytest.mark.science, pytest.mark.slow("models are trained")]

SCORES = "gold.customer_scores_gold"
NEWCOMERS = 5  # lines of the young brand's customers


def young_brand(shop: Shop) -> None:
    """A second brand that began five weeks ago; two of its customers are known from a list only, one also
    buys at the first.
    """
    folder = shop.folder / "brands" / "young"
    folder.mkdir()
    (folder / "brand.yml").write_text(SHOP_BRAND.replace("label: Shop", "label: Young"))
    (folder / "order_lines.sql").write_text(SHOP_ORDER_LINES)
    (folder / "customer_xref.csv").write_text(
        "source_customer_id,other_source_system,other_source_customer_id\nY0,shop,C1\n"
    )
    raw = shop.folder / "raw" / "young"
    raw.mkdir(parents=True)
    lines = [
        LINE.format(
            order=f"Y{customer}-{day}", day=dt.date(2025, 12, 1) + dt.timedelta(day), customer=f"Y{customer}"
        )
        for customer in range(30)
        for day in range(customer % 7, 35, 5 + customer % 4 * 9)
    ]
    (raw / "lines.csv").write_text(
        "\n".join(["order,line,when,item,title,qty,price,customer,country,currency", *lines]) + "\n"
    )


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, RunResult]:
    """A shop with a history, and a young brand, run to scores. Read only."""
    shop = prepared_shop("scored", run_to_scores, tmp_path_factory.mktemp("scored") / "project")
    shop.run(until="bronze")  # a copied shop notes first where its files are
    return shop, pickle.loads((shop.folder / "result.pickle").read_bytes())


def run_to_scores(shop: Shop) -> None:
    with_database_of_models(shop)
    young_brand(shop)
    shop.deliver_lines(*customers())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FEW.items():
            patch.setattr(name, value)
        without_reports(patch)
        result = shop.run(scores=True)
    assert not result.failed, [t for t in result.tables if t.status == "failed"]
    (shop.folder / "result.pickle").write_bytes(pickle.dumps(result))


def test_every_known_customer_has_a_row_at_each_brand_and_in_the_group(
    scored: tuple[Shop, RunResult],
) -> None:
    shop, _ = scored
    known = shop.rows(
        "SELECT source_system, count(DISTINCT customer_id) FROM silver.customers_clean GROUP BY ALL ORDER"
        " BY ALL"
    )
    group = shop.rows("SELECT count(*) FROM gold.dim_customer")[0][0]
    counts = shop.rows(f"SELECT source_system, count(*) FROM {SCORES} GROUP BY ALL ORDER BY ALL")
    assert counts == [("group", group), *known] and dict(known)["young"] == 30
    assert group == sum(n for _, n in known) - 1  # one buys at both


def test_a_brand_with_a_history_has_a_model_and_a_young_one_what_is_known_of_others(
    scored: tuple[Shop, RunResult],
) -> None:
    shop, _ = scored
    methods = shop.rows(
        f"SELECT source_system, method, min(model_version) FROM {SCORES} WHERE source_system <> 'group' GROUP"
        " BY ALL ORDER BY ALL"
    )
    assert methods == [("shop", "model", 1), ("young", "fallback", None)]
    assert {v.brand for v in versions(shop.project)} == {"shop"}
    low, high = shop.rows(
        f"SELECT min(churn_probability_90d), max(churn_probability_90d) FROM {SCORES} WHERE source_system ="
        " 'young'"
    )[0]
    assert 0 < low < high < 1


def test_scores_rank_those_who_leave(scored: tuple[Shop, RunResult]) -> None:
    """Customers who were made to leave long ago have a higher risk and a lower value than those who bought
    last week.
    """
    shop, _ = scored
    found = dict(
        shop.rows(f"""
            SELECT CASE WHEN c.recency_days > 300 THEN 'gone' ELSE 'here' END AS who,
              STRUCT_PACK(risk := avg(s.churn_probability_90d), value := avg(s.clv_12m_eur), alive :=
              avg(s.p_alive))
            FROM {SCORES} AS s JOIN gold.customer_brand_360 AS c USING (customer_id, source_system)
            WHERE source_system = 'shop' AND (c.recency_days > 300 OR c.recency_days < 20) GROUP BY ALL
            """)
    )
    assert (
        found["gone"]["risk"] > 0.8 > found["here"]["risk"]
        and found["gone"]["value"] < found["here"]["value"] / 2
    )
    assert found["gone"]["alive"] < found["here"]["alive"]


def test_the_360_views_carry_them(scored: tuple[Shop, RunResult]) -> None:
    shop, _ = scored
    differ = """
        SELECT count(*) FROM gold.customer_brand_360 AS c
        LEFT JOIN gold.customer_scores_gold AS s USING (customer_id, source_system, as_of_date)
        WHERE c.churn_probability_90d IS DISTINCT FROM s.churn_probability_90d OR c.clv_12m_eur IS DISTINCT
        FROM s.clv_12m_eur
          OR c.reason_1 IS DISTINCT FROM s.reason_1 OR c.score_method IS DISTINCT FROM s.method OR s.method
          IS NULL
    """
    assert shop.rows(differ) == [(0,)]
    both = shop.rows(f"""
        SELECT g.churn_probability_90d, g.clv_12m_eur, list_sort(list(s.churn_probability_90d)),
        sum(s.clv_12m_eur)
        FROM gold.customer_360 AS g JOIN {SCORES} AS s ON s.customer_id = g.customer_id AND s.source_system
        <> 'group'
        WHERE g.source_system = 'both' GROUP BY ALL
        """)
    assert len(both) == 1
    chance, value, (first, second), total = both[0]
    assert float(chance) == pytest.approx(float(first * second), abs=1e-7) and value == pytest.approx(
        total, abs=0.02
    )
    assert not [c for c in check(shop.project) if c.stops_publication]


def test_a_model_just_trained_is_not_said_to_be_out_of_date(scored: tuple[Shop, RunResult]) -> None:
    shop, result = scored
    verdicts = "SELECT source_system, verdict FROM gold.score_drift WHERE item = 'prediction'"
    assert shop.rows(verdicts) == [("shop", "stable")]
    assert [check.passed for check in result.checks if "drifted" in check.check] == [True]


def test_a_scoring_says_what_was_trained_or_why_nothing_was(scored: tuple[Shop, RunResult]) -> None:
    [scores] = [t for t in scored[1].tables if t.table == SCORES]
    trained, other, young = sorted(scores.notes, key=lambda note: ("-churn" not in note, "-clv" not in note))
    assert re.match(
        r"shop: trained in \d+ s: merged-retail-shop-churn version 1, champion: beats the", trained
    )
    assert re.match(r"shop: trained in \d+ s: merged-retail-shop-clv version 1, c", other)
    assert young.startswith("young: ") and young.endswith("No model is trained.")


def test_a_second_run_has_nothing_to_score(scored: tuple[Shop, RunResult]) -> None:
    shop, _ = scored
    before = shop.lakehouse.delta(SCORES).version()
    again = shop.run(scores=True)
    assert not again.changed and shop.lakehouse.delta(SCORES).version() == before


def test_a_run_without_news_imports_no_library_of_models(
    scored: tuple[Shop, RunResult], tmp_path: Path
) -> None:
    """In a process of its own. The scores are fresh all the same: they are asked for."""
    shop = scored[0].copy(tmp_path / "quiet")
    shop.run(until="bronze")  # a copied shop notes first where its files are
    program = """
import sys
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project
result = run(load_project(sys.argv[1]))
print(result.changed, {t.table: t.status for t in result.tables}["gold.customer_scores_gold"])
print("imported:", [name for name in ("mlflow", "skops", "sklearn", "scipy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program, str(shop.folder)], capture_output=True, text=True)
    assert done.stdout == "False fresh\nimported: []\n", done.stdout + done.stderr


def test_a_promotion_makes_the_scores_stale(scored: tuple[Shop, RunResult], tmp_path: Path) -> None:
    shop = scored[0].copy(tmp_path / "promoted")
    [model] = [v for v in versions(shop.project) if v.target == "churn"]

    def asked() -> str:
        newest = Lakehouse(shop.lakehouse.location, newest=True)
        return customer_scores.version(Request(shop.project, newest, lambda _: None, dt.datetime.now(dt.UTC)))

    first = asked()
    assert f"{model.name} 1" in first
    record(shop.lakehouse, replace(model, version=2), False, "does not beat version 1")
    assert asked() == first
    promote_by_hand(shop.project, model.name, 1, "as it is")
    assert asked() == first
    record(shop.lakehouse, replace(model, version=2), True, "a trial", decided_by="person")
    assert f"{model.name} 2" in asked()
    status = {t.table: t.status for t in shop.run(scores=True).tables}
    assert (
        status[SCORES] == "updated"
        and status["gold.customer_360"] == "built"
        and status["gold.customer_features"] == "fresh"
    )
    # nothing was trained, and survival is of today all the same
    survival = "SELECT DISTINCT source_system, as_of_date FROM gold.survival_summary ORDER BY ALL"
    assert shop.rows(survival) == shop.rows(
        "SELECT source_system, as_of_date FROM gold.dim_brand ORDER BY ALL"
    )
    assert not shop.run(scores=True).changed


@pytest.mark.long("models are trained and judged again")
def test_a_delivery_is_scored_at_its_own_as_of_date_and_the_old_scores_stay(
    scored: tuple[Shop, RunResult], tmp_path: Path
) -> None:
    shop = scored[0].copy(tmp_path / "later")
    old = shop.rows(f"SELECT as_of_date, count(*) FROM {SCORES} WHERE source_system = 'shop' GROUP BY ALL")
    days = [DAYS + 5, DAYS + 20]
    shop.deliver_lines(
        *(LINE.format(order=f"N{d}", day=BEGIN + dt.timedelta(d), customer="C2") for d in days),
        name="lines2.csv",
    )
    # by now one who was scored under another id is known to be a customer of the shop
    with (shop.folder / "brands" / "young" / "customer_xref.csv").open("a") as pairs:
        pairs.write("Y1,shop,C5\n")
    young = LINE.format(order="YN", day="2026-01-20", customer="Y3")
    (shop.folder / "raw" / "young" / "lines2.csv").write_text(f"{SHOP_HEADER}\n{young}\n")
    assert not shop.run(scores=True).failed
    of_y1 = f"SELECT as_of_date FROM {SCORES} WHERE source_system = 'young' AND customer_id = 'young:Y1'"
    assert shop.rows(of_y1) == [(dt.date(2026, 1, 5),)]
    new = shop.rows(
        f"SELECT as_of_date, count(*) FROM {SCORES} WHERE source_system = 'shop' GROUP BY ALL ORDER BY 1"
    )
    assert new == [*old, (BEGIN + dt.timedelta(DAYS + 21), old[0][1])]
    assert shop.rows(
        "SELECT count(DISTINCT as_of_date), min(reason_1 IS NOT NULL) FROM gold.customer_brand_360 WHERE"
        " source_system = 'shop'"
    ) == [(1, True)]
    # the champions are used, none is trained anew
    assert len(versions(shop.project, "shop")) == len(versions(scored[0].project, "shop"))
    assert shop.rows(
        "SELECT count(DISTINCT scored_ts), count(*) / count(DISTINCT item) FROM gold.score_drift WHERE"
        " source_system = 'shop'"
    ) == [(2, 2.0)]


@pytest.mark.long("scores twice")
def test_an_as_of_date_that_is_corrected_leaves_no_scores_of_the_wrong_day(
    scored: tuple[Shop, RunResult], tmp_path: Path
) -> None:
    """A year too late first, then back to what it was: all is as if it had never been."""
    shop = scored[0].copy(tmp_path / "wrong")
    days = f"SELECT source_system, as_of_date, count(*) FROM {SCORES} GROUP BY ALL ORDER BY ALL"
    before = shop.rows(days)
    shop.configure(f"as_of: {BEGIN + dt.timedelta(DAYS + 365)}\n{SHOP_BRAND}")
    assert not shop.run(scores=True).failed
    assert max(day for _, day, _ in shop.rows(days)) == BEGIN + dt.timedelta(DAYS + 365)
    shop.configure(SHOP_BRAND)
    assert not shop.run(scores=True).failed
    assert shop.rows(days) == before
    shop.configure(f"as_of: {BEGIN + dt.timedelta(400)}\n{SHOP_BRAND}")  # the model knows what came after
    knows = [c for c in shop.run(scores=True).checks if c.check == "shop: the model knows no later days"]
    assert [c.sample for c in knows] == [
        [{"as_of_date": BEGIN + dt.timedelta(400), "trained_at": BEGIN + dt.timedelta(DAYS)}]
    ]


@pytest.mark.long("models are trained and judged again")
def test_scores_are_judged_once_they_have_come_of_age(scored: tuple[Shop, RunResult], tmp_path: Path) -> None:
    """Ninety days on: who bought and who did not is known, and AUC of the scores of then is kept, once."""
    shop = scored[0].copy(tmp_path / "old")
    then = shop.rows(f"SELECT max(as_of_date) FROM {SCORES} WHERE source_system = 'shop'")[0][0]
    back = {f"C{n}" for n in range(0, 400, 2)}
    lines = [LINE.format(order=f"M{c}", day=then + dt.timedelta(30), customer=c) for c in sorted(back)]
    lines.append(LINE.format(order="last", day=then + dt.timedelta(95), customer="C0"))
    shop.deliver_lines(*lines, name="lines2.csv")
    shop.run(scores=True)
    kept = (
        "SELECT cutoff_date, customers, value FROM gold.model_metrics WHERE target = 'scored_churn_90d' AND"
        " metric = 'observed_mean'"
    )
    found = shop.rows(kept)
    active = shop.rows(f"""
        SELECT DATE '{then}', count(*), avg(CAST(came_back = 0 AS INT)) FROM (
          SELECT customer, count(*) FILTER (day BETWEEN DATE '{then}' AND DATE '{then}' + 89) AS came_back,
            count(*) FILTER (day BETWEEN DATE '{then}' - 90 AND DATE '{then}' - 1) AS was_there
          FROM (SELECT customer, CAST(CAST("when" AS TIMESTAMP) AS DATE) AS day FROM bronze.shop_lines) GROUP
          BY ALL
        ) WHERE was_there > 0
        """)
    assert [(day, n, round(float(rate), 6)) for day, n, rate in found] == [
        (day, n, round(rate, 6)) for day, n, rate in active
    ]
    assert found[0][1] > 50 and 0.3 < float(found[0][2]) < 0.7  # every second one came back
    shop.deliver_lines(
        LINE.format(order="later", day=then + dt.timedelta(96), customer="C0"), name="lines3.csv"
    )
    shop.run(scores=True)
    assert shop.rows(kept) == found


def test_a_model_that_cannot_be_used_leaves_the_scores_as_they_are(
    scored: tuple[Shop, RunResult], tmp_path: Path, monkeypatch
) -> None:
    shop = scored[0].copy(tmp_path / "changed")

    def refuse(*_: object) -> None:
        raise RegistryError("its file was changed after it was registered")

    monkeypatch.setattr("mergehouse.science.scoring.champion", refuse)
    shop.deliver_lines(
        LINE.format(order="N", day=BEGIN + dt.timedelta(DAYS + 5), customer="C2"), name="lines2.csv"
    )
    result = shop.run(scores=True)
    failed = [t for t in result.tables if t.status == "failed"]
    assert (
        result.failed
        and [t.table for t in failed] == [SCORES]
        and "changed after it was registered" in failed[0].reason
    )
    assert shop.rows(
        "SELECT count(*) FROM gold.customer_brand_360 WHERE source_system = 'shop' AND score_method IS NOT"
        " NULL"
    ) == [(0,)]


def test_mergehouse_score(
    scored: tuple[Shop, RunResult], tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = scored[0].copy(tmp_path / "by hand")

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["mergehouse", *words, "-C", str(shop.folder)])
        with pytest.raises(SystemExit) as stopped, with_scores():
            main()
        return int(stopped.value.code or 0), capsys.readouterr().out

    code, out = command("score")
    assert code == 0 and "Nothing to do" in out and "fallback" in out
    monkeypatch.setattr("mergehouse.science.customer_scores.EDITION", "another")
    code, out = command("score", "--json")
    tables = {t["table"]: t["status"] for t in json.loads(out)["tables"]}
    assert code == 0 and tables[SCORES] == "updated" and tables["gold.customer_360"] == "built"


def test_a_first_run_shows_figures_before_it_trains_and_scores(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run has no models to make, and goes through in one; so would one that is told not to train."""

    def run() -> str:
        monkeypatch.setattr("sys.argv", ["mergehouse", "run", "-C", str(shop.folder)])
        with pytest.raises(SystemExit) as stopped, with_scores():
            main()
        assert stopped.value.code == 0
        return capsys.readouterr().out

    shop.with_science()
    shop.deliver_lines(LINE.format(order="A", day=BEGIN, customer="C1"))
    first = run()
    seen = [first.index(words) for words in ("KPIs", "Next are models", "a model needs", "by risk of churn")]
    assert seen == sorted(seen)
    assert shop.rows("SELECT count(score_method) > 0 FROM gold.customer_360") == [(True,)]
    again = run()
    assert "Next are models" not in again and "Nothing to do" in again
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text().replace("science: true", "science: {train: false}"))
    shutil.rmtree(shop.folder / "lakehouse")
    with with_scores():
        assert not customer_scores.trains_first(shop.project)


def test_without_science_there_are_no_scores(
    shop: Shop, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text().replace("science: true", "science: false"))
    shop.deliver_lines(LINE.format(order="A", day=BEGIN, customer="C1"))
    monkeypatch.setattr("sys.argv", ["mergehouse", "run", "-C", str(shop.folder)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0 and shop.rows(f"SELECT count(*) FROM {SCORES}") == [(0,)]
    assert shop.rows("SELECT score_method FROM gold.customer_360") == [(None,)]
    monkeypatch.setattr("sys.argv", ["mergehouse", "score", "-C", str(shop.folder)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2 and "science: false" in capsys.readouterr().err

"""Scores every known customer of every brand, and of the group, at the brands' as-of dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial

import numpy as np
import polars as pl
from scipy.special import expit
from threadpoolctl import threadpool_limits

from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import frame_schema
from mergehouse.errors import FitError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.computed import Request, Rows
from mergehouse.progress import Progress
from mergehouse.project.config import Project
from mergehouse.science.attempt import or_why
from mergehouse.science.churn.fallback import fallback_chances
from mergehouse.science.churn.model import HORIZONS, Churn, ChurnModel, Population, history, lapsed
from mergehouse.science.churn.reasons import SHOWN, counted, reasons
from mergehouse.science.clv.ensemble import Clv, ClvFallback, fit_clv_fallback
from mergehouse.science.customer_scores import SCORES
from mergehouse.science.evaluation.backtest import judged_cutoffs
from mergehouse.science.evaluation.drift import watch
from mergehouse.science.features.dataset import Dataset, active, matrix, read_dataset
from mergehouse.science.registry.versions import Registered, champion
from mergehouse.science.side_by_side import side_by_side, workers
from mergehouse.science.survival.page import brand_survival, keep_survival
from mergehouse.science.survival.tables import BrandSurvival
from mergehouse.science.training import too_short, train_missing
from mergehouse.science.training_result import Training

GROUP = "group"
RISK_BANDS = (("low", 0.0), ("medium", 0.4), ("high", 0.7))  # by the risk of churn, from so much on
# by clv_12m_eur, down to this share of customers
TIERS = (("top", 0.1), ("high", 0.3), ("medium", 0.6), ("low", 1.0))
CHANCES = [f"churn_probability_{horizon}d" for horizon in HORIZONS]
SUMS = [
    "expected_orders_90d",
    "expected_orders_365d",
    "clv_3m_eur",
    "clv_6m_eur",
    "clv_12m_eur",
    "clv_12m_low_eur",
    "clv_12m_high_eur",
]
CONTRACT = contract_of(SCORES)
# besides the columns: `risk` is the chance of no purchase within the brand's `churn_after_days`
SCHEMA = frame_schema(CONTRACT.types) | {"recency_days": pl.Int32, "risk": pl.Float64}
BY_CAUTION = ("fallback", "model", "unscored", "too_new")  # the method of a customer of several brands
TINY = 1e-12
NAMED = [*(f"reason_{n + 1}" for n in range(SHOWN)), "model_name", "model_version", "feature_version"]


# as in training: on a busy machine threads wait for each other
@threadpool_limits.wrap(limits=1, user_api="blas")
def score(request: Request) -> Rows:
    """Scores of all customers.

    A brand without a champion is trained first where its history carries a model, else its customers are
    scored by what is known of buyers at large: buy-till-you-die models of the brand as far as they can be
    fitted, of another brand beyond that.
    """
    project, lakehouse, progress = request.project, request.lakehouse, request.progress
    progress("models", "scores")
    trains = project.config.science.train
    training = train_missing(project, lakehouse, progress) if trains else Training()
    models = {
        (brand, target): champion(project, brand, target)
        for brand in project.brands
        for target in ("churn", "clv")
    }
    notes = training.notes
    datasets: dict[str, Dataset] = {}
    untold = [brand for brand in project.brands if brand not in training.seconds]
    with workers(project.config.limits.threads) as pool:
        survivals = pool.submit(_survivals, project, untold, progress)
        for brand in project.brands:
            progress(f"{brand}: features")
            try:
                datasets[brand] = read_dataset(lakehouse, brand)
            except FitError as error:  # nobody has bought yet
                notes.append(str(error))
        buying = stand_ins(list(datasets.values()))
        frames = []
        for brand, dataset in datasets.items():
            progress(f"{brand}: scores")
            churn, clv = models[brand, "churn"], models[brand, "clv"]
            if brand in untold:
                notes.append(_why_not_trained(dataset, churn, trains))
            if brand not in buying:
                notes.append(f"{brand}: too little is known of how its customers buy; they have no scores.")
                continue
            churn_after_days = project.churn_after_days(brand)
            frames.append(brand_scores(dataset, churn, clv, buying[brand], churn_after_days, pool))
        told = survivals.result()
    notes += [note for brand in datasets if brand in told for note in _kept(project, brand, told[brand])]
    progress("group")
    now = dt.datetime.now(dt.UTC)
    rows = all_scores(known_customers(lakehouse), frames, now, buyers(lakehouse))
    progress("drift")
    checks = watch(lakehouse, [(d, m) for b, d in datasets.items() if (m := models[b, "churn"])], now)
    kept, emptied = without_later(lakehouse, rows)
    rows = pl.concat([rows, kept], how="vertical_relaxed")
    return Rows(rows, [*training.findings, *checks], emptied, notes)


def without_later(lakehouse: Lakehouse, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What stays of published scores that are of a later day than their brand's as-of date, and all their
    partitions. Such a day was wrong and has been corrected, and the last day's scores are read as the latest.

    Nothing stays of the brand's own; of the group's, customers of whom another brand knows that day.
    """
    is_of_group, partition = pl.col("source_system") == GROUP, ["source_system", "as_of_date"]
    if not lakehouse.exists(SCORES):
        return rows.clear(), rows.clear().select(partition)
    known = lakehouse.query(f"SELECT DISTINCT source_system, as_of_date FROM {SCORES}").pl()
    now = rows.filter(~is_of_group).group_by("source_system").agg(pl.max("as_of_date").alias("now"))
    later = known.join(now, on="source_system").filter(pl.col("as_of_date") > pl.col("now"))
    dates = later["as_of_date"].unique()
    of_dates = known.filter(is_of_group & pl.col("as_of_date").is_in(dates.implode()))
    emptied = pl.concat([later.select(partition), of_dates]).join(rows, on=partition, how="anti")
    of_group = emptied.filter(is_of_group)["as_of_date"].to_list()
    if not of_group:
        return rows.clear(), emptied
    days = ", ".join(f"DATE '{day}'" for day in of_group)
    published = lakehouse.query(
        f"SELECT * FROM {SCORES} WHERE source_system = '{GROUP}' AND as_of_date IN ({days})"
    ).pl()
    at = rows.filter(is_of_group).select("customer_id", pl.col("as_of_date").alias("now"))
    stays = published.join(at, on="customer_id").filter(pl.col("as_of_date") <= pl.col("now"))
    return stays.select(*CONTRACT.columns), emptied


def _survivals(project: Project, brands: Iterable[str], progress: Progress) -> dict[str, BrandSurvival | str]:
    """Of each brand, or in words why there is none: scores do without it."""
    return {brand: or_why(partial(brand_survival, project, brand, progress)) for brand in brands}


def _kept(project: Project, brand: str, survival: BrandSurvival | str) -> list[str]:
    """Brings a brand's published survival up to date, or says why not."""
    kept = survival if isinstance(survival, str) else or_why(lambda: [keep_survival(project, survival)])
    return [f"{brand}: survival stays as it was: {kept}"] if isinstance(kept, str) else []


def _why_not_trained(dataset: Dataset, churn: Registered | None, trains: bool) -> str:
    if churn:
        return f"{dataset.brand}: not trained, as there are models; scored by {churn}."
    if not judged_cutoffs(dataset):
        return too_short(dataset)
    if not trains:
        return (
            f"{dataset.brand}: not trained, as mergehouse.yml says `train: false` under `science`. Scores are"
            " the fallback's; `mergehouse train` trains."
        )
    return (
        f"{dataset.brand}: not trained, as its last models have been judged: none is the champion."
        " Scores are the fallback's; `mergehouse train` tries again."
    )


def all_scores(
    known: pl.DataFrame, scored: list[pl.DataFrame], now: dt.datetime, bought: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The contract's columns: one row for each of `known` (customer, brand, as-of date), `scored` or not, and
    one for the group.

    Who has `bought` (customer, brand) and is not scored is told from those who never did.
    """
    key = ["customer_id", "source_system"]
    found = pl.concat([pl.DataFrame(schema=SCHEMA), *scored], how="diagonal_relaxed").drop("as_of_date")
    found = found.with_columns(pl.coalesce("risk", CHANCES[-1]))
    bought = known.clear().select(key) if bought is None else bought
    unscored = bought.join(found, on=key, how="anti").select(
        *key,
        pl.lit("unscored").alias("method"),
        pl.when(pl.col("source_system").is_in(found["source_system"].unique().implode()))
        .then(pl.lit("All that was bought was returned"))
        .otherwise(pl.lit("Too little is known of the brand's buyers"))
        .alias("reason_1"),
    )
    found = pl.concat([found, unscored], how="diagonal_relaxed")
    brands = known.join(found, on=key, how="left").with_columns(pl.col("method").fill_null("too_new"))
    return _completed(pl.concat([brands, group_scores(brands)], how="diagonal_relaxed"), now)


def brand_scores(
    dataset: Dataset,
    churn: Registered | None,
    clv: Registered | None,
    buying: ClvFallback,
    churn_after_days: int = HORIZONS[-1],
    pool: Executor | None = None,
) -> pl.DataFrame:
    """Scores of the customers of one brand who ever bought, at its as-of date: the contract's columns but
    bands and instant; active and lapsed ones side by side in the `pool`.

    Chances and values come from the brand's models, their level set to the season, where there are any; else,
    and for lapsed customers if the churn model has nothing on these, from `buying`.
    """
    day = dataset.as_of
    model: ChurnModel | None = churn.model.anchored(dataset, day) if churn else None
    worth: Clv | ClvFallback = clv.model.anchored(dataset, day) if clv else buying
    parts: list[tuple[Population, dict[int, Churn]]] = [
        (active, model.of_active if model else {}),
        (lapsed, model.of_lapsed if model else {}),
    ]

    def of(part: tuple[Population, dict[int, Churn]]) -> pl.DataFrame | None:
        population, regressions = part
        rows = population(dataset.at(day))
        if rows.is_empty():
            return None
        if churn and regressions:
            inputs = matrix(rows)
            chances = [expit(regressions[horizon].log_odds(inputs)) for horizon in HORIZONS]
            words = reasons(rows, regressions[HORIZONS[-1]].contributions(inputs))
            origin = _origin("model", churn.name, churn.version)
        else:
            chances = fallback_chances(dataset, population, buying.silent, HORIZONS)
            words, origin = list(rows.select(known_of_all())), _origin("fallback")
        falling = np.minimum.accumulate(chances)  # who buys nothing for longer bought nothing before
        risk = risk_within(churn_after_days, falling, partial(buying.silent, rows))
        return _scores(rows, falling, risk, worth, buying).with_columns(*words, *origin)

    frames = [frame for frame in side_by_side(of, parts, pool) if frame is not None]
    return pl.concat(frames).with_columns(pl.lit(day).alias("as_of_date"))


def risk_within(days: int, chances: np.ndarray, silent: Callable[[int], np.ndarray]) -> np.ndarray:
    """P(no purchase within `days`), shape (n,), from the `chances` of all HORIZONS, shape (horizons, n).

    Between and beyond these the hazard of a purchase goes on as buy-till-you-die has it: `silent` gives that
    model's chance within so many days.

    >>> halved = lambda days: np.array([0.5 ** (days / 90)])
    >>> risk_within(180, np.array([[0.9], [0.85], [0.8]]), halved).round(2)  # twice as long: 0.8 x 0.8
    array([0.64])
    """
    place = max((n for n, horizon in enumerate(HORIZONS) if horizon <= days), default=0)
    if HORIZONS[place] == days:
        return chances[place]
    near, wanted = (-np.log(silent(d).clip(TINY, 1 - TINY)) for d in (HORIZONS[place], days))
    return chances[place] ** (wanted / near)


def _origin(method: str, name: str | None = None, version: int | None = None) -> list[pl.Expr]:
    return [
        pl.lit(method).alias("method"),
        pl.lit(name, dtype=pl.String).alias("model_name"),
        pl.lit(version, dtype=pl.Int32).alias("model_version"),
    ]


def _scores(
    rows: pl.DataFrame, chances: np.ndarray, risk: np.ndarray, worth: Clv | ClvFallback, buying: ClvFallback
) -> pl.DataFrame:
    """Scores of some customers of a brand, of whom the chances of all HORIZONS are known."""
    values = worth.predict(rows)
    return rows.select("customer_id", "source_system", "recency_days", "feature_version").with_columns(
        *(pl.Series(name, chance) for name, chance in zip(CHANCES, chances, strict=True)),
        pl.Series("risk", risk),
        pl.Series("p_alive", buying.bgnbd.p_alive(*history(rows))),
        pl.Series("expected_orders_90d", buying.purchases(rows, 90)),
        pl.Series("expected_orders_365d", buying.purchases(rows, 365)),
        pl.Series("clv_3m_eur", values.value[90]),
        pl.Series("clv_6m_eur", values.value[180]),
        pl.Series("clv_12m_eur", values.value[365]),
        pl.Series("clv_12m_low_eur", values.low),
        pl.Series("clv_12m_high_eur", values.high),
    )


def group_scores(brands: pl.DataFrame) -> pl.DataFrame:
    """Scores of every customer over all brands, from those at each.

    A customer buys nothing if they buy nothing at any brand, and has left if they have left every one, brands
    taken to be independent; purchases and values add up. Dates, reasons and model are those of the brand with
    the most recent purchase.
    """
    latest = brands.sort("customer_id", pl.col("recency_days"), "source_system", nulls_last=True)
    shared, scored = pl.len().over("customer_id") > 1, pl.col("p_alive").count() > 0
    one = latest.filter(~shared)
    several = (
        latest.filter(shared)
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.first("as_of_date", *NAMED),
            pl.min("recency_days"),
            *(pl.when(scored).then(pl.col(name).product()).alias(name) for name in (*CHANCES, "risk")),
            pl.when(scored).then(1 - (1 - pl.col("p_alive")).product()).alias("p_alive"),
            *(pl.when(scored).then(pl.sum(name)).alias(name) for name in SUMS),
            pl.coalesce(
                pl.when((pl.col("method") == method).any()).then(pl.lit(method)) for method in BY_CAUTION
            ).alias("method"),
        )
    )
    return pl.concat([one, several], how="diagonal_relaxed").with_columns(source_system=pl.lit(GROUP))


def stand_ins(datasets: list[Dataset]) -> dict[str, ClvFallback]:
    """How each brand's customers buy and what a purchase is worth, as far as purchases alone tell, by brand.

    What a brand's own do not tell comes from the largest brand whose do. A brand of which not even that can
    be said is left out.
    """
    alone: dict[str, ClvFallback] = {}
    for dataset in datasets:
        with suppress(FitError):
            alone[dataset.brand] = fit_clv_fallback(dataset, dataset.as_of)
    telling = [fit for fit in alone.values() if fit.bgnbd.dropout_identified]
    prior = max(telling, key=lambda fit: fit.bgnbd.customers, default=None)
    if prior is None:
        return alone
    return {
        d.brand: alone[d.brand] if alone.get(d.brand) in telling else fit_clv_fallback(d, d.as_of, prior)
        for d in datasets
    }


def known_of_all() -> list[pl.Expr]:
    """What stands as reasons where no model tells them: what the buy-till-you-die model sees."""
    return [
        pl.lit("Estimated from purchase dates alone").alias("reason_1"),
        pl.format("Last purchase {} ago", counted("recency_days", "day", "days")).alias("reason_2"),
        pl.format("{} so far", counted("purchases", "purchase", "purchases")).alias("reason_3"),
    ]


def known_customers(lakehouse: Lakehouse) -> pl.DataFrame:
    """Every customer at every brand that knows them, with the brand's as-of date."""
    return lakehouse.query("""
        SELECT DISTINCT c.customer_id, c.source_system, b.as_of_date
        FROM silver.customers_clean AS c JOIN gold.dim_brand AS b USING (source_system)
        WHERE b.as_of_date IS NOT NULL
        """).pl()


def buyers(lakehouse: Lakehouse) -> pl.DataFrame:
    """Every customer at every brand where they have bought."""
    return lakehouse.query(
        "SELECT customer_id, source_system FROM silver.customer_totals WHERE frequency > 0"
    ).pl()


def tier() -> pl.Expr:
    """A customer's tier by `clv_12m_eur` within the brand, or the group. Values that are equal to the cent
    have one; where more than a tenth are equal, that of the last of them: many who are worth nothing are not
    the highest tenth.

    >>> values = pl.DataFrame({"source_system": "shop", "clv_12m_eur": [9, 8, *[0] * 8]})
    >>> values.with_columns(tier()).get_column("literal").to_list()[:4]
    ['top', 'high', 'low', 'low']
    """
    value = pl.col("clv_12m_eur").round(2)
    first, last = (
        value.rank(side, descending=True).over("source_system") / value.count().over("source_system")
        for side in ("min", "max")
    )
    share = pl.when(last - first < 0.1).then(first).otherwise(last)
    return pl.coalesce(pl.when(share <= up_to).then(pl.lit(name)) for name, up_to in TIERS)


def _completed(rows: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """With bands, tiers and instant; customers without a purchase have these words alone."""
    return rows.with_columns(
        pl.coalesce(
            pl.when(pl.col("risk") >= low).then(pl.lit(band)) for band, low in reversed(RISK_BANDS)
        ).alias("risk_band"),
        tier().alias("clv_tier"),
        pl.col("method").fill_null("too_new"),
        pl.coalesce("reason_1", pl.lit("No purchase yet")).alias("reason_1"),
        pl.lit(now).alias("scored_ts"),
    ).select(*CONTRACT.columns)

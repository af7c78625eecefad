"""What commands about models print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from mergehouse.cli.render import print_findings
from mergehouse.cli.screen import Screen, listed
from mergehouse.lakehouse.delta import Lakehouse

if TYPE_CHECKING:
    from mergehouse.pipeline.results import RunResult
    from mergehouse.project.config import Project
    from mergehouse.quality.checks import CheckResult
    from mergehouse.science.registry.versions import Version
    from mergehouse.science.training_result import Training


PREDICTED = {"churn": "no purchase within {} days", "clv": "net margin over {} days"}
HEADINGS = {
    "auc": "AUC", "pr_auc": "PR AUC", "brier": "Brier", "ece": "ECE", "lift": "top-decile lift",
    "spearman": "Spearman", "gini": "Gini", "top_share": "share of top decile", "mae": "MAE, EUR",
    "bias": "bias",
}  # fmt: skip
SHOWN = ("auc", "brier", "lift", "spearman", "gini", "mae")  # metrics of a model in the list of models
CUSTOMERS = ("gold.customer_brand_360", "gold.customer_360")
SCORED = """
SELECT scope, score_method, count(*) FILTER (risk_band = 'low'), count(*) FILTER (risk_band = 'medium'),
  count(*) FILTER (risk_band = 'high'), count(*) FILTER (risk_band IS NULL)
FROM (
  SELECT source_system AS scope, score_method, risk_band FROM gold.customer_brand_360
  UNION ALL SELECT 'group', score_method, risk_band FROM gold.customer_360
)
WHERE score_method IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def print_scores(project: Project, result: RunResult, said: Sequence[CheckResult] = ()) -> None:
    """What became of a scoring, and customers by brand, method and risk band, where any are published;
    findings that were not `said` yet.
    """
    console, lakehouse = Screen(soft_wrap=True, highlight=False), Lakehouse(project.lakehouse_location)
    for built in result.tables:
        if built.status == "failed":
            console.print(f"[bold red]failed[/]   {built.table}: ", end="")
            console.print(built.reason, markup=False)
        for note in built.notes:
            console.print(note, markup=False)
    if not (result.changed or result.failed):
        console.print("Nothing to do: features and models are those of the published scores.")
    print_findings([c for c in result.checks if not c.passed and c not in said], project.labels)
    if not all(map(lakehouse.exists, CUSTOMERS)):
        return
    bands = ("low", "medium", "high", "no scores")
    table = listed(("", "method", *bands), bands, "Customers by risk of churn")
    for scope, method, *numbers in lakehouse.query(SCORED).fetchall():
        table.add_row(escape(project.labels.get(scope, scope)), method, *(f"{n:,}" for n in numbers))
    console.print()
    console.print(table)


def print_training(result: Training) -> None:
    """Metrics by brand, target and method: the mean over all cut-offs, and the lowest and highest."""

    console = Screen(soft_wrap=True, highlight=False)
    # not those of cut-offs after which all or none left
    told_apart = [t for t in result.tested if t.metrics and t.group == "all"]
    for brand, target in dict.fromkeys((t.brand, t.target) for t in told_apart):
        tested = [t for t in told_apart if (t.brand, t.target) == (brand, target)]
        cutoffs = sorted({t.cutoff for t in tested})
        kind, days = target.rstrip("d").split("_")
        title = (
            f"{brand}: {PREDICTED[kind].format(days)}, {len(cutoffs)} cut-offs from {cutoffs[0]} to"
            f" {cutoffs[-1]}"
        )
        known = {
            metric: heading
            for metric, heading in HEADINGS.items()
            if any(metric in t.metrics for t in tested)
        }
        headings = list(known.values())
        table = listed(("", *headings), headings, title)
        for method in dict.fromkeys(t.method for t in tested):
            of_metrics = [[t.metrics[metric] for t in tested if t.method == method] for metric in known]
            table.add_row(method, *(_range(values) for values in of_metrics))
        console.print(table)
    for d in result.decisions:
        console.print("[green]champion[/]  " if d.is_champion else "[yellow]challenger[/]", end=" ")
        console.print(f"{d.version}, {d.version.method}: {d.why}", markup=False)
        if not d.is_new:
            console.print("           of the same data and code as now: no new version", markup=False)
        if d.champion is None:
            console.print(
                f"           no champion: {d.version.brand}'s scores of {d.version.target} come from the"
                " fallback",
                markup=False,
            )
    for why in result.untrained.values():
        console.print(f"[yellow]no model[/] {why}")
    for missed in result.unfitted:
        console.print("[yellow]left out[/] ", end=" ")
        console.print(missed, markup=False)
    for page in result.pages[:1]:
        console.print(f"Models   {page}", markup=False)


def _range(values: list[float]) -> str:
    """Mean, and the lowest and highest of several; as many decimals as the number is worth."""
    mean, low, high = sum(values) / len(values), min(values), max(values)
    places = 0 if abs(mean) >= 10 else 3
    return (
        f"{mean:,.{places}f} ({low:,.{max(0, places - 1)}f}-{high:,.{max(0, places - 1)}f})"
        if len(values) > 1
        else f"{mean:,.{places}f}"
    )


def print_models(versions: list[Version]) -> None:
    """All versions, newest first under the name of their model."""
    console = Screen(soft_wrap=True, highlight=False)
    if not versions:
        console.print("There is no model yet; `mergehouse train` makes them.")
    for name in dict.fromkeys(v.name for v in versions):
        of_name = [v for v in versions if v.name == name]
        metrics = [m for m in SHOWN if any(m in v.metrics for v in of_name)]
        columns = ("version", "alias", "method", *metrics, "trained", "features")
        table = listed(columns, ("version", *metrics), escape(name))
        for v in of_name:
            values = [f"{v.metrics[m]:,.3f}" if m in v.metrics else "" for m in metrics]
            table.add_row(
                str(v.version),
                ", ".join(v.aliases),
                v.method,
                *values,
                f"{v.trained_ts:%Y-%m-%d}",
                v.feature_version,
            )
        console.print(table)

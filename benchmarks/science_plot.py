"""Draws how well churn is ranked, and whether chances and values can be taken at their word: one SVG for
light pages, one for dark.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.plot import THEMES, style
from mergehouse.science.evaluation.backtest import ALL, Tested

COLOURS = {
    "light": ("#0550ae", "#8a4600", "#6639a6", "#1a7f37", "#57606a"),
    "dark": ("#79c0ff", "#ffa657", "#d2a8ff", "#7ee787", "#adbac7"),
}
MARKS = "os^Dv"
METHODS = ("logistic regression", "BG/NBD", "gradient boosting", "RFM rates", "recency rule")


def draw(tested: list[Tested], value_method: str, folder: Path) -> None:
    """Writes `models-light.svg` and `models-dark.svg`: AUC by cut-off, and deciles of churn and of a year's
    value against what happened.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    everybody = [t for t in tested if t.group == ALL]
    churn = {
        m: sorted((t for t in everybody if (t.target, t.method) == ("churn_90d", m)), key=lambda t: t.cutoff)
        for m in METHODS
    }
    year = [t for t in everybody if (t.target, t.method) == ("clv_365d", value_method)]
    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        with mpl.rc_context(style(theme)):
            figure, (ranking, level, value) = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
            for method, colour, mark in zip(METHODS, COLOURS[theme], MARKS, strict=True):
                days, found = [t.cutoff for t in churn[method]], [t.metrics["auc"] for t in churn[method]]
                ranking.plot(days, found, marker=mark, color=colour, label=method)
            ranking.set(title="No purchase in 90 days: ranking", xlabel="Cut-off", ylabel="ROC AUC")
            ranking.tick_params(axis="x", rotation=45)
            for judged in churn[METHODS[0]]:
                predicted, happened, _ = zip(*judged.deciles, strict=True)
                level.plot(
                    [100 * p for p in predicted],
                    [100 * h for h in happened],
                    color=COLOURS[theme][0],
                    alpha=0.6,
                )
            level.plot([0, 100], [0, 100], color=COLOURS[theme][4], linestyle="--")
            level.set(
                title=f"{METHODS[0]}: a line a cut-off",
                xlabel="Predicted, % of a tenth",
                ylabel="Not bought, %",
            )
            for judged in year:
                predicted, happened, _ = zip(*judged.deciles, strict=True)
                value.plot(predicted, [max(h, 1) for h in happened], marker="o", color=COLOURS[theme][0])
                ends = [min(predicted), max(predicted)]
                value.plot(ends, ends, color=COLOURS[theme][4], linestyle="--")
                value.set(title=f"Value of a year from {judged.cutoff}")
            value.set(xscale="log", yscale="log", xlabel="Predicted, mean of a tenth", ylabel="Brought, mean")
            for axes in (ranking, level, value):
                axes.grid(True)
                axes.spines[["top", "right"]].set_visible(False)
            figure.legend(
                *ranking.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False
            )
            figure.savefig(folder / f"models-{theme}.svg", transparent=True, metadata={"Date": None})
            plt.close(figure)

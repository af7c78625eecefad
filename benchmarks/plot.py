"""Draws time and memory against size, the floor drawn in: one SVG for light pages and one for dark ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

THEMES = {"light": ("#1f2328", "#d0d7de"), "dark": ("#e6edf3", "#3d444d")}  # text, grid
COLOURS = {
    "light": {"run": "#0550ae", "floor": "#8a4600", "spark": "#6639a6"},
    "dark": {"run": "#79c0ff", "floor": "#ffa657", "spark": "#d2a8ff"},
}
LABELS = {
    "run": "mergehouse run, embedded",
    "floor": "floor: read as text, write as Parquet",
    "spark": "mergehouse run, PySpark local[2]",
}
MARKS = {"run": "o", "floor": "s", "spark": "^"}


@dataclass(frozen=True)
class Point:
    """One measured run: what ran, order lines, seconds of wall clock, peak memory in MB."""

    job: str
    lines: int
    seconds: float
    memory: float


@dataclass(frozen=True)
class Wait:
    """A delivery by one version: lines of the history, seconds of wall clock."""

    version: str
    lines: int
    seconds: float


def style(theme: str) -> dict[str, object]:
    """Matplotlib's settings for a page of that theme; the same drawing gives the same bytes."""
    ink, grid = THEMES[theme]
    return {
        "svg.hashsalt": "mergehouse", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 11,
        "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": grid, "xtick.color": ink,
        "ytick.color": ink, "grid.color": grid,
    }  # fmt: skip


def draw(points: list[Point], folder: Path) -> None:
    """Writes `scale-light.svg` and `scale-dark.svg`; both axes of time are logarithmic."""
    import matplotlib as mpl  # here: a process that has loaded it passes its memory on to those it measures
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        with mpl.rc_context(style(theme)):
            figure, (time, memory) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
            for job in LABELS:
                own = sorted((p for p in points if p.job == job), key=lambda p: p.lines)
                for axes, values in (
                    (time, [p.seconds for p in own]),
                    (memory, [p.memory / 1024 for p in own]),
                ):
                    if own and not (job == "spark" and axes is memory):  # the JVM takes what it is given
                        axes.plot(
                            [p.lines for p in own],
                            values,
                            marker=MARKS[job],
                            color=COLOURS[theme][job],
                            label=LABELS[job],
                        )
            sizes = sorted({p.lines for p in points if p.job == "run"})
            for axes, title in ((time, "Time, seconds"), (memory, "Peak memory, GB")):
                axes.set(xscale="log", xlabel="Order lines", title=title, xticks=sizes)
                axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n / 1e6:g} M"))
                axes.xaxis.set_minor_formatter("")
                axes.grid(True)
                axes.spines[["top", "right"]].set_visible(False)
            time.set_yscale("log")
            time.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
            memory.set_ylim(bottom=0)
            figure.legend(
                *time.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
            )
            figure.savefig(folder / f"scale-{theme}.svg", transparent=True, metadata={"Date": None})
            plt.close(figure)


def draw_deliveries(waits: list[Wait], bars: list[tuple[int, float]], folder: Path) -> None:
    """Writes `delivery-light.svg` and `delivery-dark.svg`: what a delivery takes, against the history."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    for theme, colours in COLOURS.items():
        with mpl.rc_context(style(theme)):
            figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
            for version, mark, colour in (("before", "s", colours["floor"]), ("now", "o", colours["run"])):
                own = sorted((w.lines, w.seconds) for w in waits if w.version == version)
                axes.plot(*zip(*own, strict=True), marker=mark, color=colour, label=version)
            axes.plot(*zip(*bars, strict=True), linestyle=":", color=THEMES[theme][0], label="bar")
            axes.set(xscale="log", xlabel="Order lines of the history", title="A delivery, seconds")
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n / 1e6:g} M"))
            axes.grid(True)
            axes.spines[["top", "right"]].set_visible(False)
            figure.legend(loc="outside lower center", ncols=3, frameon=False)
            figure.savefig(folder / f"delivery-{theme}.svg", transparent=True, metadata={"Date": None})
            plt.close(figure)

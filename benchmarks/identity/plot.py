"""Draws what scores are worth and what the model adds to exact rules, for light pages and for dark ones."""

from __future__ import annotations

from pathlib import Path

from benchmarks.identity.measures import Measured
from benchmarks.plot import THEMES, style

COLOURS = {"light": ("#0550ae", "#8a4600", "#57606a"), "dark": ("#79c0ff", "#ffa657", "#adbac7")}


def draw(generated: list[Measured], folder: Path) -> None:
    """Writes `identity-light.svg` and `identity-dark.svg`: recall and precision beside the floor, and
    reliability of the score, of generated brands.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        with mpl.rc_context(style(theme)):
            figure, (found, reliable) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
            ours, floor, ideal = COLOURS[theme]
            for mark, measured in zip("osD", generated, strict=False):
                for what, colour, of in (
                    ("mergehouse", ours, measured.links),
                    ("five exact rules", floor, measured.floor),
                ):
                    found.plot(of.recall, of.precision, mark, color=colour, label=f"{what}, {measured.name}")
            found.set(title="Links", xlabel="Recall", ylabel="Precision")
            found.legend(frameon=False, fontsize=8)
            for (name, bins), colour in zip(generated[0].reliability.items(), (floor, ours), strict=True):
                reliable.plot(
                    [score for _, _, score in bins],
                    [right / pairs for pairs, right, _ in bins],
                    marker="o",
                    color=colour,
                    label=name,
                )
            reliable.plot([0.5, 1], [0.5, 1], color=ideal, linestyle="--", label="a probability")
            reliable.set(
                title=f"What a score is worth, {generated[0].name}", xlabel="Score", ylabel="Same person"
            )
            reliable.legend(frameon=False, fontsize=8)
            for axes in (found, reliable):
                axes.grid(True)
                axes.spines[["top", "right"]].set_visible(False)
            figure.savefig(folder / f"identity-{theme}.svg", transparent=True, metadata={"Date": None})
            plt.close(figure)

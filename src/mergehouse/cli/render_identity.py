"""What `mergehouse identity` prints and asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import typer
from rich.markup import escape

from mergehouse.cli.screen import Screen, listed
from mergehouse.identity.overlap import Overlap
from mergehouse.identity.review import Waiting

ANSWERS: dict[str, Literal["same", "different", "later", "quit"]] = {
    "s": "same",
    "d": "different",
    "l": "later",
    "q": "quit",
}
BAR = 20  # characters of the largest weight


def print_overlap(found: Overlap, labels: Mapping[str, str]) -> None:
    """What brands tell of their customers, and how many they share."""
    console = Screen(soft_wrap=True)
    declaring = {name: attributes for name, attributes in found.declared.items() if attributes}
    for name in declaring:
        counts = found.delivered.get(name, {})
        told = ", ".join(f"{attribute} of {count:,}" for attribute, count in counts.items() if count)
        nothing = "no customer has any of the attributes that are declared"
        console.print(f"{labels[name]}: {told or nothing}", markup=False)
    if not declaring:
        console.print("No brand declares `identity` in its brand.yml: known pairs alone unite customers.")
    elif found.model:
        console.print(f"Model: {found.model}", markup=False)
    else:
        console.print("No model yet: `mergehouse identity train` makes one.")
    methods = ", ".join(f"{count:,} by {method.replace('_', ' ')}" for method, count in found.united.items())
    console.print(f"{found.shared:,} customers are of several brands; numbers united: {methods or 'none'}.")
    if found.pairs:
        console.print(f"{found.pairs:,} pairs are for review: `mergehouse identity review`.")


def print_pair(pair: Waiting, place: str, labels: Mapping[str, str]) -> None:
    """Two records side by side, and below them what each comparison weighs."""
    console = Screen()
    brand, code, other, number = pair.pair
    score = "" if pair.score is None else f", score {pair.score:.4f}"
    title = f"{place}: {pair.reason.replace('_', ' ')}{score}"
    heads = [f"{labels.get(name, name)} {customer}" for name, customer in ((brand, code), (other, number))]
    records = listed(("", *map(escape, heads)), title=escape(title))
    for attribute, (one, two) in pair.records.items():
        style = "bold" if one and two and one.casefold() == two.casefold() else ""
        records.add_row(attribute.replace("_", " "), escape(one or ""), escape(two or ""), style=style)
    console.print(records)
    weights = [abs(part["weight"]) for part in pair.evidence if part["weight"] is not None]
    evidence = listed(("evidence", "agreement", "bits", ""), ("bits",))
    for part in pair.evidence:
        weight = part["weight"]
        length = round(BAR * abs(weight or 0) / (max(weights, default=0) or 1))
        bits = "" if weight is None else f"{weight:+.1f}"
        bar = ("-" if (weight or 0) < 0 else "+") * length
        evidence.add_row(escape(part["attribute"]), escape(part["level"]), bits, bar)
    console.print(evidence)


def asked() -> Literal["same", "different", "later", "quit"]:
    """The answer; whoever closes the input quits."""
    while True:
        given = str(typer.prompt("[s]ame, [d]ifferent, [l]ater, [q]uit", default="l")).strip().lower()
        if answer := ANSWERS.get(given[:1]):
            return answer

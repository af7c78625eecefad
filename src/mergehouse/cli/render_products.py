"""What `mergehouse products` prints."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from mergehouse.cli.screen import Screen, listed
from mergehouse.identity.product_suggestions import CATEGORY, SAME_ITEM, Suggestions

SHOWN = 10
CATEGORIES = ("product", "name", "suggested", "GMV EUR", "confidence")
PAIRS = ("product", "name", "other product", "name", "similarity")


def print_suggestions(found: Suggestions, file: Path) -> None:
    """The first of each kind, how well the guesses did where the answer is known, and what to do next."""
    console = Screen(soft_wrap=True, highlight=False)
    categories = found.rows.filter(found.rows["kind"] == CATEGORY)
    pairs = found.rows.filter(found.rows["kind"] == SAME_ITEM)
    if not categories.is_empty():
        table = listed(CATEGORIES, ("GMV EUR", "confidence"), "Categories")
        for row in categories.head(SHOWN).to_dicts():
            sure = "" if row["confidence"] is None else f"{100 * row['confidence']:.0f} %"
            place = f"{row['department']} > {row['category']}"
            product = f"{row['source_system']}:{row['product_code']}"
            table.add_row(*map(escape, (product, row["product_name"], place, f"{row['gmv_eur']:,.2f}", sure)))
        console.print(table)
        console.print()
    if not pairs.is_empty():
        table = listed(PAIRS, ("similarity",), "Likely the same item")
        for row in pairs.head(SHOWN).to_dicts():
            product = f"{row['source_system']}:{row['product_code']}"
            other = f"{row['other_source_system']}:{row['other_product_code']}"
            table.add_row(
                *map(escape, (product, row["product_name"], other, row["other_product_name"])),
                f"{row['similarity']:.2f}",
            )
        console.print(table)
        console.print()
    console.print(
        f"{found.unmapped:,} products without a category, {found.nameless:,} of them without a name."
    )
    if found.fault:
        console.print(f"No categories are suggested: {found.fault}", markup=False)
    if found.skill:
        console.print(
            f"Of {found.skill.products:,} products whose rule was hidden, {100 * found.skill.first:.0f} %"
            f" were suggested rightly at once, {100 * found.skill.among_three:.0f} % among three: look at"
            " each before you accept it."
        )
    console.print(
        f"{categories.height:,} categories and {pairs.height:,} pairs are in {file}. Write `yes` in the"
        " column `accept` of those that are right, then `mergehouse products accept`.",
        markup=False,
    )

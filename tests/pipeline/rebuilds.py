"""Lines to deliver to a shop, and what a rebuild makes of its tables beside what deliveries made."""

from __future__ import annotations

from pathlib import Path

from mergehouse.contracts.registry import MODELS
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import connect, select
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project

RATES = "silver.fx_rates_eur"
LINE = "{order},{n},2026-03-{day:02} 10:00:00,{item},Mug,{quantity},5.00,{customer},Germany,EUR"


def differences(lakehouse: Lakehouse, project_folder: Path) -> dict[str, int]:
    """Rows of every Silver and Gold table that a full rebuild makes come out differently; the rates read no
    delivery.
    """
    built = [
        f"{layer}.{model.stem}" for layer in ("silver", "gold") for model in (MODELS / layer).rglob("*.sql")
    ]
    names = [name for name in lakehouse.tables() if name in built and name != RATES]
    before = {name: lakehouse.table(name).version for name in names}
    rebuilt = run(load_project(project_folder), select=" ".join(names), full=True)
    assert not rebuilt.failed and {t.status for t in rebuilt.tables} == {"built"}
    found, connection = {}, connect()
    for name in names:
        old, new = (select(connection, lakehouse.delta(name, version)) for version in (before[name], None))
        unequal = f"({old} EXCEPT ALL {new}) UNION ALL ({new} EXCEPT ALL {old})"
        found[name] = connection.execute(f"SELECT count(*) FROM ({unequal})").fetchall()[0][0]
    return {name: count for name, count in found.items() if count}


def line(
    order: str = "A1", n: int = 1, day: int = 1, item: str = "P1", quantity: int = 2, customer: str = "77"
) -> str:
    return LINE.format(order=order, n=n, day=day, item=item, quantity=quantity, customer=customer)

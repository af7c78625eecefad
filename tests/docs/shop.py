"""The lakehouse that examples read: a shop of four lines, small enough to check every figure by hand."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Shop

from mergehouse.release.export.export import release

LINES = (
    "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR",
    "A2,1,2026-03-02 11:30:00,P2,Lamp,1,30.00,78,Germany,EUR",
    "A3,1,2026-03-05 09:00:00,P1,Mug,4,5.00,77,France,EUR",
    "A4,1,2026-03-06 09:00:00,P1,Mug,-1,5.00,77,France,EUR",
)


def open_shop(folder: Path) -> None:
    """Makes in `folder` the project `shop`, run to Gold, and its release 1.0.0 in `release`."""
    shop = Shop(folder / "shop")
    (shop.folder / "mergehouse.yml").write_text(
        "name: tiny\nscience: false\nenvironments: {prod: {lakehouse: lakehouse-prod}}\n"
    )
    shop.deliver_lines(*LINES)
    shop.run()
    release(shop.project, to=str(folder / "release"))

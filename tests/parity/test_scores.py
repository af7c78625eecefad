"""Scores that a run is given are published on Spark as they are embedded, at first and in the place of
earlier ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import SHOP_HEADER, Shop, with_scores
from tests.parity.conftest import NOW
from tests.parity.test_engines import ENGINES, sound
from tests.unit.test_scores import scored

from mergehouse.pipeline.computed import Request, Rows
from mergehouse.pipeline.run import run
from mergehouse.science import customer_scores
from mergehouse.science.customer_scores import SCORES
from mergehouse.science.scoring import all_scores, known_customers

SCORED = {SCORES, "gold.customer_360", "gold.customer_brand_360", "gold.cross_brand_customers"}
LINES = [
    "A1,1,2024-05-01 10:00:00,P1,Mug,2,5.00,C1,Germany,EUR",
    "A2,1,2024-05-02 10:00:00,P1,Mug,1,5.00,C2,Germany,EUR",
]


def score_with(patch: pytest.MonkeyPatch, chance: float) -> None:
    """Gives the first customer this chance, and the others none, as those who have not bought."""

    def scores(request: Request) -> Rows:
        known = known_customers(request.lakehouse)
        one = scored("shop", known["customer_id"].sort().to_list()[:1], [chance], [12.34], [3])
        return Rows(all_scores(known, [one], NOW))

    patch.setattr(customer_scores, "scores", scores)
    patch.setattr(customer_scores, "version", lambda _: str(chance))


@pytest.mark.long("Spark plans every query")
@pytest.mark.parametrize("engine", ENGINES)
def test_scores_are_published_alike(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each engine publishes scores that a run is given, and later ones in their place, in a lakehouse that is
    built but for these.
    """
    spark, found = request.getfixturevalue(engine), {}
    built = Shop(tmp_path / "built").with_science()
    built.deliver_lines(*LINES, header=SHOP_HEADER)
    sound(run(built.project, now=NOW))
    for name, session in (("embedded", None), ("spark", spark)):
        shop = built.copy(tmp_path / name)
        with with_scores():
            score_with(monkeypatch, 0.25)
            first = sound(run(shop.project, now=NOW, spark=session))
            score_with(monkeypatch, 0.75)
            again = sound(run(shop.project, select=f"{SCORES}+", spark=session, load=False))
        assert (
            {t.table for t in first.tables if t.status != "fresh"}
            == {t.table for t in again.tables}
            == SCORED
        )
        scores = shop.lakehouse.table(SCORES).polars().sort("source_system", "as_of_date", "customer_id")
        views = shop.lakehouse.table("gold.customer_360").polars().sort("customer_id")
        found[name] = (
            scores,
            views.select("customer_id", "churn_probability_90d", "clv_12m_eur", "reason_1", "score_method"),
        )
    for ours, theirs in zip(found["embedded"], found["spark"], strict=True):
        assert ours.equals(theirs) and len(ours)
    _, views = found["embedded"]
    assert [float(p) for p in views["churn_probability_90d"] if p is not None] == [0.75]
    assert views["score_method"].to_list() == ["model", "too_new"]

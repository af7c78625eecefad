"""A brand folder that cannot be used as written stops its brand: its figures stay, others go on."""

from __future__ import annotations

import re

import pytest
from tests.conftest import Shop
from tests.pipeline.test_isolation import gmv, held, line, two

from mergehouse.errors import ConfigError
from mergehouse.project.config import load_project

# what stands in a brand's folder, and what the message says of it
BROKEN = {
    "200,000 brackets": ("brand.yml", "ignore: " + "[" * 200_000, "line 1.*within one another"),
    "a rule that is no code": (
        "line_types.csv",
        "match,pattern,line_class\nbanana,P1,postage\n",
        "row 2.*banana",
    ),
    "an open quote": ("order_lines.sql", "SELECT 'A1 AS order_id FROM lines", "' of line 1 is not closed"),
}


@pytest.mark.long("a run for each file that is broken")
def test_a_broken_folder_holds_back_its_brand_alone(shop: Shop) -> None:
    """Its settings and rules count on, too: postage is no goods."""
    other = two(shop)
    (other.brand / "line_types.csv").write_text("match,pattern,line_class\ncode,P2,postage\n")
    config = other.brand / "brand.yml"
    config.write_text(config.read_text() + "replaces: order\nchurn_after_days: 7\n")
    postage = line("A9", 1).replace("A9,1,", "A9,2,").replace(",P1,", ",P2,")
    other.deliver_lines(line("A9", 1), postage, name="lines_9.csv")
    assert not shop.run().failed
    before = shop.rows("SELECT * FROM gold.dim_brand WHERE source_system = 'other'")
    sold = shop.rows("SELECT * FROM gold.sales_daily WHERE source_system = 'other' ORDER BY ALL")
    for day, (file, content, expected) in enumerate(BROKEN.values(), start=2):
        for each in (shop, other):
            each.deliver_lines(line(f"A{day}", day), name=f"lines_{day}.csv")
        path = other.brand / file
        sound = path.read_text()
        path.write_text(content)
        result = shop.run()
        said = held(result)
        assert list(said) == ["other"] and result.failed
        assert re.search(f"{file}.*{expected}", said["other"])
        assert gmv(shop)["shop"] == 10 * day
        assert shop.rows("SELECT * FROM gold.dim_brand WHERE source_system = 'other'") == before
        assert shop.rows("SELECT * FROM gold.sales_daily WHERE source_system = 'other' ORDER BY ALL") == sold
        path.write_text(sound)
    result = shop.run()
    assert not result.failed and gmv(shop) == {"shop": 40, "other": 50}


def test_a_brand_that_was_never_sound_is_left_out(shop: Shop) -> None:
    other = two(shop)
    (other.brand / "brand.yml").write_text("label: [")
    result = shop.run()
    assert result.failed and gmv(shop) == {"shop": 10} and list(result.kpis) == ["shop", "group"]
    assert held(result)["other"].startswith("other is left out of all figures, the group's too: ")
    assert str(other.brand / "brand.yml") in held(result)["other"]


def test_where_no_brand_is_left_the_run_stops(shop: Shop) -> None:
    other = two(shop)
    for each in (shop, other):
        (each.brand / "brand.yml").write_text("label: [")
    with pytest.raises(ConfigError) as found:
        load_project(shop.folder)
    assert [str(each.brand) in str(found.value) for each in (shop, other)] == [True, True]


def test_sql_of_no_brand_that_is_left_stops_the_run(shop: Shop) -> None:
    other = two(shop)
    for each in (shop, other):
        (each.brand / "order_lines.sql").write_text(
            "SELECT content FROM lines, LATERAL read_text('/etc/passwd')"
        )
    with pytest.raises(ConfigError, match="is not for a brand's SQL"):
        shop.run()

"""Rules that map products by words of their names: where a pattern is looked for as a text that the name
contains, it finds what its LIKE pattern finds.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import duckdb
from tests.conftest import Shop

from mergehouse.project.mapping_files import mapping_tables

FINDS = """
SELECT n.words, r.name_pattern, r.name_part FROM names AS n CROSS JOIN rules AS r
WHERE r.name_part IS NOT NULL AND contains(n.words, r.name_part) <> (n.words LIKE r.name_pattern)
"""


def texts(alphabet: str, longest: int) -> list[str]:
    return ["".join(t) for n in range(longest + 1) for t in itertools.product(alphabet, repeat=n)]


def test_a_text_that_is_contained_finds_what_the_pattern_finds(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    patterns = [pattern for pattern in texts("AB *_%", 4) if pattern.strip()]
    lines = (f"name,{pattern},Department,Category" for pattern in patterns)
    (shop.brand / "category_map.csv").write_text(
        "\n".join(["match,pattern,department,category", *lines]) + "\n"
    )
    columns, rules = mapping_tables(shop.project)["category_map"]
    found = {rule[columns.index("pattern")]: rule[columns.index("name_part")] for rule in rules}
    assert (found["A"], found["A*"], found["A B*"]) == (" A ", " A", " A B")
    assert not any(found[pattern] for pattern in ("A *", "*A", "A*B", "A_", "A**", "*"))

    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE names AS SELECT unnest(?) AS words", [[f" {t.strip()} " for t in texts("AB ", 6)]]
    )
    connection.execute("CREATE TABLE rules (name_pattern VARCHAR, name_part VARCHAR)")
    places = [columns.index(name) for name in ("name_pattern", "name_part")]
    connection.execute(
        "INSERT INTO rules SELECT unnest(?), unnest(?)", [[rule[p] for rule in rules] for p in places]
    )
    assert connection.execute(FINDS).fetchall() == []

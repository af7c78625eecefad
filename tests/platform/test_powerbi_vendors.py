"""What Microsoft's parsers and others' make of the semantic model."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from tests.platform.defects import Texts
from tests.platform.powerbi_defects import OF_M, OF_TOM
from tests.platform.powerbi_projects import odd_names, project_together
from tests.platform.vendors import DRIVERS, asked, vendor

from mergehouse.platform.powerbi.objects import MODES, SemanticModel
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.platform.powerbi.tmdl import tmdl_files
from mergehouse.platform.powerbi.tmdl_reader import read_tmdl
from mergehouse.project.settings import ScienceConfig

pytestmark = pytest.mark.long("asks the vendors' own parsers")
# what the checker of DAX does not know: units of DATEDIFF, orders, and columns that an expression makes
UNKNOWN_TO_IT = re.compile(r"table `(DAY|MONTH|ASC)`|unqualified column or measure `\[@\w+\]`|`\[Value\]`")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[SemanticModel]:
    """One of each mode, with all tables and names of any letters."""
    project = odd_names(project_together(tmp_path_factory.mktemp("near") / "suite"))
    (project.mappings_folder / "targets.csv").write_text(
        "kpi,brand,period,value\nnet_revenue,group,2025,125000.5\nreturn_rate,shop,2025-q4,0.05\n"
    )
    notes = """2025-10-24,shop,O'Neil,"10 %, 'all' ""mugs"" [now] {x}"\n2025-06-02,group,Ann,Merger\n"""
    (project.mappings_folder / "annotations.csv").write_text(f"day,brand,who,text\n{notes}")
    config = project.config.model_copy(update={"science": ScienceConfig(tables=True)})
    project = project.model_copy(update={"config": config})
    return [semantic_model(project, mode) for mode in MODES]


def test_microsofts_object_model_reads_it_and_writes_the_same(models: list[SemanticModel]) -> None:
    written = [tmdl_files(model) for model in models]
    broken = [_seeded(written[1], defect.seed) for defect in OF_TOM]
    read = asked("tom", "read_tmdl.py", written + broken)
    for files, answer in zip(written, read, strict=False):
        assert answer["errors"] == []
        again = answer["files"]
        assert again.pop("database.tmdl").splitlines()[1:] == files.pop("database.tmdl").splitlines()[1:]
        assert again == files
        tables = answer["json"]["model"]["tables"]
        assert sum(len(table.get("measures", ())) for table in tables) > 100
    missed = [
        defect.name
        for defect, answer in zip(OF_TOM, read[len(models) :], strict=True)
        if not answer["errors"]
    ]
    assert missed == []


def test_each_expression_of_dax_is_known_to_the_model(models: list[SemanticModel]) -> None:
    model = models[MODES.index("directquery")]
    measures = {f"[{each.name}]": each.dax for table in model.tables for each in table.measures}
    made = {f"table {table.name}": table.dax for table in model.tables if table.dax}
    rules = {f"{role.name}, {name}": rule for role in model.roles for name, rule in role.rows.items()}
    tables = [
        {
            "name": table.name,
            "columns": [column.name for column in table.columns],
            "measures": [measure.name for measure in table.measures],
        }
        for table in model.tables
    ]
    found = asked("dax", "check_dax.py", {"tables": tables, "expressions": measures | made | rules})
    assert len(measures) > 100 and len(rules) > 30
    ambiguous = tuple(
        f"unqualified reference `{name}` matches" for name in measures
    )  # measures go first in DAX
    wrong = {
        name: left
        for name, told in found.items()
        if (
            left := [
                one for one in told if not UNKNOWN_TO_IT.search(one) and not any(a in one for a in ambiguous)
            ]
        )
    }
    assert wrong == {}


def test_microsofts_parser_of_m_reads_every_source(models: list[SemanticModel]) -> None:
    imported = tmdl_files(models[MODES.index("import")])
    texts = {name: m for model in models for name, m in _sources(tmdl_files(model), model.mode).items()}
    assert len(texts) > 30
    assert _wrong_m(texts) == {}
    for defect in OF_M:
        assert _wrong_m(_sources(_seeded(imported, defect.seed), "import")), defect.name


def _seeded(files: Texts, seed: Any) -> Texts:
    broken = dict(files)
    seed(broken)
    return broken


def _sources(files: Texts, mode: str) -> dict[str, str]:
    """Each expression in M, by mode and name."""
    found = {}
    for text in files.values():
        for node in read_tmdl(text):
            if node.kind == "expression":
                found[f"{mode}, {node.name}"] = node.value
            for part in node.all("partition"):
                if part.value == "m":
                    found[f"{mode}, {node.name}"] = part.all("source")[0].value
    return found


def _wrong_m(texts: dict[str, str]) -> dict[str, str]:
    done = subprocess.run(
        ["node", str(DRIVERS / "check_m.cjs"), str(vendor("npm") / "node_modules")],
        input=json.dumps(texts), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)

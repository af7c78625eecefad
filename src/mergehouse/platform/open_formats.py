"""What other tools read of a project: its contracts and its KPIs, in open formats."""

from __future__ import annotations

from mergehouse.contracts.parts import is_off
from mergehouse.contracts.registry import contracts
from mergehouse.kpi.catalogue import catalogue
from mergehouse.platform.open_data_contract import open_data_contracts
from mergehouse.platform.open_semantic_interchange import semantic_model
from mergehouse.project.config import Project

LAYERS = ("silver", "gold")
KPIS = "kpis.osi.yaml"


def open_formats(project: Project) -> tuple[dict[str, str], list[str]]:
    """The files by their names, and what is to be said: which tables the project does without.

    >>> files, said = open_formats(mh.project("shop"))
    >>> "gold.sales_daily.odcs.yaml" in files, said[-1]
    (True, 'left out: the tables of vault, which the project does without')
    """
    there = [contract for layer in LAYERS for contract in contracts(layer)]
    tables = [contract for contract in there if not is_off(contract, project)]
    parts = sorted({str(contract.part) for contract in there if contract not in tables})
    files = open_data_contracts(project.config.name, tables)
    files[KPIS] = semantic_model(project.config.name, catalogue())
    return files, [f"left out: the tables of {part}, which the project does without" for part in parts]

"""The semantic model of a project: the lakehouse as a star, KPIs as measures, roles of access.yml."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mergehouse.access.policy import load_policy
from mergehouse.contracts.registry import is_built
from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.platform.powerbi.annotations import joined_to_brands_and_days, noted
from mergehouse.platform.powerbi.choices import choices
from mergehouse.platform.powerbi.countries import countries
from mergehouse.platform.powerbi.field_parameters import field_parameters
from mergehouse.platform.powerbi.fixed_measures import HOME, fixed_measures, where_observable
from mergehouse.platform.powerbi.measures import Placed, measures, placed
from mergehouse.platform.powerbi.objects import Mode, SemanticModel, Table
from mergehouse.platform.powerbi.ordered_values import ordered_tables
from mergehouse.platform.powerbi.roles import roles
from mergehouse.platform.powerbi.star import relationships, star, star_table
from mergehouse.platform.powerbi.targets import joined_to_brands, targets
from mergehouse.project.config import Project
from mergehouse.release.export.export import releases_of


def semantic_model(
    project: Project,
    mode: Mode = "import",
    kpis: tuple[Kpi, ...] | None = None,
    without: Collection[str] = (),
    releases: str | None = None,
) -> SemanticModel:
    """The model in one storage mode, without anything read from the lakehouse.

    `direct-lake`: over the tables of a lakehouse in Fabric; `import`: from the files of a release, the
    project's own or those at `releases`; `directquery`: over Databricks SQL, with Bronze beside Gold. `kpis`
    in the place of the catalogue's; `without` tables of the lakehouse. Raises ConfigError where the KPIs,
    access.yml or star.yml ask for what there is not.

    >>> model = semantic_model(mh.project("shop"))
    >>> model.mode, model.measure("GMV")[0].name, model.measure("GMV")[1].dax
    ('import', 'Sales', "SUM ( 'Sales'[GMV (EUR)] )")
    >>> model.column("Brand", "Brand").source
    'label'
    """
    named = list(catalogue() if kpis is None else kpis)
    tables = _tables(project, mode, named, without)
    joined = (*relationships(tables), *joined_to_brands(tables), *joined_to_brands_and_days(tables))
    with_days = {join.from_table for join in joined if join.to_table == "Date"}
    found = placed(named, tables, with_days)
    tables = _with_measures(tables, found, project)
    return SemanticModel(
        project.config.name,
        mode,
        tables,
        joined,
        roles(load_policy(project), tables, list(project.brands)),
        location=releases or releases_of(project),
        brands=tuple(brand.label for brand in project.brands.values()),
    )


def notes_on(without: list[str]) -> list[str]:
    """What is to be said of a model that does without tables."""
    return [f"left out, since not published: {', '.join(without)}"] if without else []


def unpublished(project: Project) -> list[str]:
    """Tables that a lakehouse can do without, and that are not in this one: of models, where none could be
    made, and those that training alone writes. None where nothing is published yet.

    >>> unpublished(mh.project("shop"))
    ['gold.model_metrics', 'gold.model_promotions']
    """
    there = set(Lakehouse(project.lakehouse_location).tables())
    tables = star().within("directquery", project.config.science.tables)
    contracts = {table.of: table.contract for table in tables}
    spared = [
        name
        for name, of in contracts.items()
        if of.optional or of.part == "science" or (name.startswith("gold.") and not is_built(of))
    ]
    return [name for name in spared if there and name not in there]


def _tables(project: Project, mode: Mode, kpis: list[Kpi], without: Collection[str]) -> tuple[Table, ...]:
    words = star()
    measured: dict[str | None, set[str]] = {}
    for kpi in kpis:
        measured.setdefault(kpi.table, set()).update({kpi.sum} - {None})  # type: ignore[arg-type]
    tables = [
        star_table(given, words, frozenset(measured.get(given.of, ())))
        for given in words.within(mode, project.config.science.tables)
        if given.of not in without
    ]
    said = [table for table in (targets(project, kpis), noted(project)) if table]
    return (*tables, countries(project), *ordered_tables(), *choices(), *said)


def _with_measures(tables: tuple[Table, ...], found: list[Placed], project: Project) -> tuple[Table, ...]:
    by_table = measures(found)
    for table, fixed in fixed_measures(project).items():
        by_table.setdefault(table, []).extend(fixed)
    by_table[HOME].extend(where_observable(each.kpi for each in found))
    homes = [(each.table.name, each.kpi.label) for each in found]
    return (
        *(replace(t, measures=(*t.measures, *by_table.get(t.name, ()))) for t in tables),
        *field_parameters(homes),
    )

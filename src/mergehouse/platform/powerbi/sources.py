"""Where the tables of a model come from, one storage mode a model: Microsoft's Power Query (M), or for Direct
Lake the names of Delta tables.

Source: Microsoft's pages on Direct Lake, on parameters of a semantic model, and on the Databricks connector.
"""

from __future__ import annotations

from dataclasses import dataclass

from mergehouse.contracts.registry import contract_of
from mergehouse.platform.powerbi.objects import Column, Mode, SemanticModel, Table

LAKEHOUSE, RELEASE, HOST, HTTP_PATH, CATALOG = (
    "Lakehouse", "Release folder", "Databricks host", "Databricks HTTP path", "Databricks catalog",
)  # fmt: skip
ONELAKE = "https://onelake.dfs.fabric.microsoft.com"
UNSET = "00000000-0000-0000-0000-000000000000"  # of workspace and lakehouse, until it is deployed
M_TYPES = {
    "string": "type text", "int64": "Int64.Type", "decimal": "Currency.Type", "double": "type number",
    "boolean": "type logical",
}  # fmt: skip


@dataclass(frozen=True)
class SharedExpression:
    """An expression of M that all tables of a model can name."""

    name: str
    m: str
    meaning: str


def shared_expressions(model: SemanticModel) -> list[SharedExpression]:
    """What the sources of a model's tables name."""
    return {"direct-lake": _onelake, "import": _release, "directquery": _databricks}[model.mode](model)


def m_source(table: Table, mode: Mode) -> str:
    """A table's source in M. Not for Direct Lake, which reads Delta tables as they are."""
    if mode == "import":
        return _from_release(table)
    layer, name = table.entity.split(".")
    return (
        f"let\n\tSource = Databricks.Catalogs({m_name(HOST)}, {m_name(HTTP_PATH)}),\n"
        f'\tCatalog = Source{{[Name = {m_name(CATALOG)}, Kind = "Database"]}}[Data],\n'
        f'\tSchema = Catalog{{[Name = {m_text(layer)}, Kind = "Schema"]}}[Data],\n'
        f'\tTable = Schema{{[Name = {m_text(name)}, Kind = "Table"]}}[Data]\nin\n\tTable'
    )


def m_text(value: str) -> str:
    """A text in M.

    >>> print(m_text('6" pan'))
    "6"" pan"
    """
    escaped = value.replace("#(", "#(#)(").replace('"', '""')
    return '"' + escaped.replace("\r", "#(cr)").replace("\n", "#(lf)").replace("\t", "#(tab)") + '"'


def m_name(value: str) -> str:
    """A name in M, quoted.

    >>> print(m_name("Release folder"))
    #"Release folder"
    """
    return "#" + m_text(value)


def _from_release(table: Table) -> str:
    """Columns in order, each with its type; instants in UTC, whatever the machine's clock is set to."""
    kinds = {column.source: contract_of(table.entity).columns[column.source].type for column in table.columns}
    names = ", ".join(map(m_text, kinds))
    instants = ", ".join(f"{{{m_text(n)}, Instant}}" for n, kind in kinds.items() if kind == "timestamp")
    types = ", ".join(f"{{{m_text(c.source)}, {_m_type(c, kinds[c.source])}}}" for c in table.columns)
    steps = {
        "Source": f"Released({m_text(table.entity)})",
        "Chosen": f"Table.SelectColumns(Source, {{{names}}})",
    }
    if instants:
        steps["InUtc"] = f"Table.TransformColumns(Chosen, {{{instants}}})"
    steps["Typed"] = f"Table.TransformColumnTypes({[*steps][-1]}, {{{types}}})"
    lines = ",\n".join(f"\t{name} = {m}" for name, m in steps.items())
    return f"let\n{lines}\nin\n\tTyped"


def _m_type(column: Column, kind: str) -> str:
    if column.type == "dateTime":
        return "type date" if kind == "date" else "type datetime"
    return M_TYPES[column.type]


def _parameter(name: str, value: str, meaning: str) -> SharedExpression:
    m = f'{m_text(value)} meta [IsParameterQuery = true, Type = "Text", IsParameterQueryRequired = true]'
    return SharedExpression(name, m, meaning)


def _onelake(model: SemanticModel) -> list[SharedExpression]:
    """Direct Lake on OneLake: no SQL endpoint in between, so row-level security does not fall back to it."""
    url = m_text(f"{ONELAKE}/{UNSET}/{UNSET}")
    m = f"let\n\tSource = AzureStorage.DataLake({url}, [HierarchicalNavigation = true])\nin\n\tSource"
    return [SharedExpression(LAKEHOUSE, m, "The lakehouse in OneLake: ids of workspace and item.")]


def _release(model: SemanticModel) -> list[SharedExpression]:
    """All files come from one source, the folder, within one function. A query that named another one which
    reads a file, and read a file itself, would be refused by the privacy firewall; and a path that is read
    from a file is a source that the service does not refresh.
    """
    released = """(table_name as text) as table =>
	let
		Beyond = Text.Length(Text.TrimEnd(#"Release folder", {"\\", "/"})) + 1,
		Files = Table.AddColumn(Folder.Files(#"Release folder"), "Path",
			each Text.Replace(Text.Range([Folder Path] & [Name], Beyond), "\\", "/")),
		Opened = (path as text) as binary =>
			let
				Found = Table.SelectRows(Files, each [Path] = path)
			in
				if Table.IsEmpty(Found)
					then error Error.Record("Expression.Error",
						"The parameter `Release folder` names no folder of releases: it has no " & path & ".")
					else Found{0}[Content],
		Current = Json.Document(Opened("gold/_releases/current.json")),
		Manifest = Json.Document(Opened("gold/_releases/v" & Current[version] & "/release_manifest.json")),
		Wanted = List.Select(Manifest[tables], each [name] = table_name),
		Rows = if List.IsEmpty(Wanted)
			then error Error.Record("Expression.Error", "The release has no table " & table_name & ".")
			else Table.Combine(List.Transform(Wanted{0}[files], each Parquet.Document(Opened([path]))))
	in
		Rows"""
    instant = """(value as any) as any =>
	if value is datetimezone then DateTimeZone.RemoveZone(DateTimeZone.SwitchZone(value, 0)) else value"""
    where = "The folder above `gold` that releases were carried to, such as C:\\retail\\release."
    return [
        _parameter(RELEASE, model.location, where),
        SharedExpression("Released", released, "The rows of a table of the current release."),
        SharedExpression("Instant", instant, "An instant in UTC, as a time without a zone."),
    ]


def _databricks(model: SemanticModel) -> list[SharedExpression]:
    return [
        _parameter(
            HOST, "adb-0000000000000000.0.azuredatabricks.net", "Server hostname of the SQL warehouse."
        ),
        _parameter(HTTP_PATH, "/sql/1.0/warehouses/0000000000000000", "HTTP path of the SQL warehouse."),
        _parameter(CATALOG, model.name, "The catalog that has bronze, silver and gold."),
    ]

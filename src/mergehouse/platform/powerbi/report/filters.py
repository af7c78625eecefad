"""Filters of visuals and pages, as conditions of Power BI's semantic queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mergehouse.platform.powerbi.report.fields import Field
from mergehouse.platform.powerbi.report.literals import Json, quoted

Find = Callable[[str], Field]


@dataclass(frozen=True)
class Values:
    """Rows whose column has one of the texts, or with `excluded` none of them."""

    column: str
    values: Sequence[str]
    excluded: bool = False

    @property
    def references(self) -> tuple[str, ...]:
        return (self.column,)

    def written(self, name: str, find: Find) -> Json:
        field = find(self.column)
        chosen = {
            "In": {
                "Expressions": [field.expression("t")],
                "Values": [[{"Literal": {"Value": quoted(value)}}] for value in self.values],
            }
        }
        condition = {"Not": {"Expression": chosen}} if self.excluded else chosen
        return {
            "name": name,
            "field": field.expression(),
            "type": "Categorical",
            "filter": {
                "Version": 2,
                "From": [{"Name": "t", "Entity": field.table, "Type": 0}],
                "Where": [{"Condition": condition}],
            },
            "howCreated": "User",
        }


@dataclass(frozen=True)
class Largest:
    """The `count` values of a column with the most of a measure."""

    column: str
    by: str
    count: int

    @property
    def references(self) -> tuple[str, ...]:
        return self.column, self.by

    def written(self, name: str, find: Find) -> Json:
        field, measure = find(self.column), find(self.by)
        source = [{"Name": "t", "Entity": field.table, "Type": 0}]
        other = [{"Name": "m", "Entity": measure.table, "Type": 0}] if measure.table != field.table else []
        ranked = {
            "Version": 2,
            "From": source + other,
            "Select": [field.expression("t") | {"Name": "field"}],
            "OrderBy": [{"Direction": 2, "Expression": measure.expression("m" if other else "t")}],
            "Top": self.count,
        }
        return {
            "name": name,
            "field": field.expression(),
            "type": "TopN",
            "filter": {
                "Version": 2,
                "From": [
                    {"Name": "subquery", "Expression": {"Subquery": {"Query": ranked}}, "Type": 2},
                    *source,
                ],
                "Where": [
                    {
                        "Condition": {
                            "In": {
                                "Expressions": [field.expression("t")],
                                "Table": {"SourceRef": {"Source": "subquery"}},
                            }
                        }
                    }
                ],
            },
            "howCreated": "User",
        }


def drilled(name: str, field: Field) -> Json:
    """What another page hands over when somebody drills through."""
    return {
        "name": name,
        "field": field.expression(),
        "type": "Categorical",
        "howCreated": "Drillthrough",
    }


Filter = Values | Largest

"""access.yml: roles, and for each which rows and columns it may see. What is not allowed is not there.

A role's rules are structured, a column, an operator and values each, so that the same policy is written out
for other platforms without a hole in a text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, field_validator

from mergehouse.errors import ConfigError
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import countries
from mergehouse.project.validation import Strict, expect_known, validated
from mergehouse.project.yaml_file import read_yaml

FILE = "access.yml"
COLUMNS = {"brand": "source_system", "region": "region", "country": "country_code"}  # each as tables call it
Masked = Literal["personal", "pseudonym"]


class Rule(Strict):
    """Rows whose column has, or has not, one of the values."""

    column: Literal["brand", "region", "country"] = Field(description="What the rule is about.")
    operator: Literal["in", "not in"] = Field(
        default="in", description="Whether the column has one of the values, or none."
    )
    values: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Brands by their folders, regions and countries (ISO 3166-1 alpha-2) as in"
        " mappings/countries.csv."
    )

    @field_validator("values")
    @classmethod
    def _in_order(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(values)))


class Role(Strict):
    """What a kind of person may see. Nothing is allowed that is not said."""

    label: str = Field(min_length=1, description="The role's name on pages.")
    rows: Literal["all", "each brand"] | Annotated[tuple[Rule, ...], Field(min_length=1)] = Field(
        description="`all`; or rules that a row must meet, every one of them; or `each brand`, which makes a"
        " role `<role>_<brand>` for every brand. A table without a rule's column shows nothing of it."
    )
    masks: tuple[Masked, ...] = Field(
        default=("personal",),
        description="PII tags of contracts: columns that carry one are left out. `[]` leaves out none.",
    )
    group: bool = Field(
        default=False,
        description="True: figures of all brands together, and which customers they share. It needs"
        " `rows: all`.",
    )
    persons: bool = Field(
        default=False,
        description="True: single customers. Without, groups of fewer than five are not told.",
    )
    admin: bool = Field(default=False, description="True: people, runs, and looking on as another role.")
    identity: bool = Field(
        default=False,
        description="True: what brands tell of customers who may be one, and deciding whether they are. It"
        " needs `admin`, `group` and `persons`, and `masks: []`.",
    )


class Access(Strict):
    """access.yml."""

    roles: Annotated[dict[str, Role], Field(min_length=1)] = Field(
        description="The kinds of people that there are, by names of their own."
    )


@dataclass(frozen=True)
class Scope:
    """What one person may see: the rows that any of `rows` lets through (each is all of its rules), without
    the columns of `masks`.

    Two people with the same rights have the same scope, and read the same files.
    """

    rows: tuple[tuple[Rule, ...], ...]  # an empty one lets every row through
    masks: tuple[str, ...]
    group: bool
    persons: bool
    label: str
    identity: bool = False

    @property
    def is_whole(self) -> bool:
        return () in self.rows

    @property
    def is_of_brands(self) -> bool:
        """Whether it lets through all rows of some brands, and no others.

        >>> shop = Rule(column="brand", values=("shop",))
        >>> scopes = [Scope(rows, (), False, True, "") for rows in (((shop,),), ((),))]
        >>> [scope.is_of_brands for scope in scopes]
        [True, False]
        """
        return not self.is_whole and all(rule.column == "brand" for rules in self.rows for rule in rules)

    @property
    def id(self) -> str:
        """Names the scope's files: sixteen hexadecimal digits, the same for the same rights.

        >>> everything = Scope(rows=((),), masks=(), group=True, persons=True, label="All brands")
        >>> len(everything.id), everything.id == Scope(((),), (), True, True, "Everything").id
        (16, True)
        """
        rows = [[rule.model_dump() for rule in rules] for rules in self.rows]
        content = json.dumps([rows, self.masks, self.group, self.persons, self.identity], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Policy:
    """The roles of access.yml. `version` is a digest of what they allow."""

    roles: dict[str, Role]
    version: str
    labels: dict[str, str]  # of brands and countries

    def scope(self, roles: Iterable[str]) -> Scope | None:
        """What these roles together may see: the rows of any, without the columns that any masks. None where
        no role is known: nothing.

        >>> policy = Policy({"all": Role(label="All", rows="all", group=True)}, "1", {})
        >>> policy.scope(["all"]).is_whole, policy.scope(["unknown"]), policy.scope([])
        (True, None, None)
        """
        held = [self.roles[name] for name in sorted(set(roles)) if name in self.roles]
        if not held:
            return None
        rows = {_rules(role) for role in held}
        kept = ((),) if () in rows else tuple(sorted(rows, key=repr))
        return Scope(
            rows=kept,
            masks=tuple(sorted({tag for role in held for tag in role.masks})),
            group=any(role.group for role in held),
            persons=all(role.persons for role in held),
            label=self._label(kept),
            identity=all(role.identity for role in held),
        )

    def within(self, own: Scope, role: str) -> Scope | None:
        """What a role sees of what somebody may see: the rows, columns and rights that both have. None where
        the role is not known.

        >>> one = Rule(column="brand", values=("one",))
        >>> roles = {"all": Role(label="All", rows="all", masks=()), "one": Role(label="One", rows=(one,))}
        >>> policy = Policy(roles, "1", {})
        >>> policy.within(policy.scope(["all"]), "one") == policy.scope(["one"])
        True
        >>> policy.within(policy.scope(["one"]), "all").rows == policy.scope(["one"]).rows  # never more
        True
        """
        theirs = self.scope([role])
        if theirs is None:
            return None
        rows = {tuple(sorted({*mine, *other}, key=repr)) for mine in own.rows for other in theirs.rows}
        kept = ((),) if () in rows else tuple(sorted(rows, key=repr))
        return Scope(
            rows=kept,
            masks=tuple(sorted({*own.masks, *theirs.masks})),
            group=own.group and theirs.group,
            persons=own.persons and theirs.persons,
            label=self._label(kept),
            identity=own.identity and theirs.identity,
        )

    def scopes(self) -> list[Scope]:
        """Of every role on its own, each once."""
        found = [self.scope([name]) for name in self.roles]
        return list({scope.id: scope for scope in found if scope}.values())

    def is_admin(self, roles: Iterable[str]) -> bool:
        return any(name in self.roles and self.roles[name].admin for name in roles)

    def _label(self, rows: tuple[tuple[Rule, ...], ...]) -> str:
        if () in rows:
            return "All brands"
        return " or ".join(", ".join(self._in_words(rule) for rule in rules) for rules in rows)

    def _in_words(self, rule: Rule) -> str:
        *others, last = sorted(self.labels.get(value, value) for value in rule.values)
        names = f"{', '.join(others)} and {last}" if others else last
        return names if rule.operator == "in" else f"all but {names}"


def load_policy(project: Project) -> Policy:
    """What access.yml of a project says. Raises ConfigError where there is none, or where it names what is
    not there: a rule that means nothing must not be taken for one that lets everything through.

    >>> load_policy(mh.project("shop")).roles["analyst"].group
    True
    """
    file = project.folder / FILE
    if not file.exists():
        raise ConfigError(
            f"{file} is not there: it says who may see what, and without it nobody may see anything."
            " docs/dashboards.md has one to start from; `mergehouse init` writes it into a new project."
        )
    given = validated(Access, read_yaml(file), file)
    roles = {name: role for one in given.roles.items() for name, role in _each_brand(*one, project)}
    places = countries(project)
    known = {
        "brand": set(project.brands),
        "region": {row["region"] for row in places},
        "country": {row["country_code"] for row in places},
    }
    for name, role in roles.items():
        for rule in _rules(role):
            for value in rule.values:
                expect_known(value, known[rule.column], file, f"roles.{name}.rows: {rule.column}")
        if role.group and role.rows != "all":
            raise ConfigError(
                f"{file}: roles.{name}: `group: true` needs `rows: all`; less one brand's figures, the"
                " group's are the others'."
            )
        if role.persons and "pseudonym" in role.masks:
            raise ConfigError(
                f"{file}: roles.{name}: `persons: true` shows customers by their keys, which `masks:"
                " [pseudonym]` leaves out; take one of them out."
            )
        if role.identity and (role.masks or not (role.admin and role.group and role.persons)):
            raise ConfigError(
                f"{file}: roles.{name}: `identity: true` shows personal attributes; it needs `admin: true`,"
                " `group: true`, `persons: true` and `masks: []`."
            )
    if not any(brand.identity for brand in project.brands.values()):  # nothing that the right would be to
        roles = {name: role.model_copy(update={"identity": False}) for name, role in roles.items()}
    allowed = json.dumps({n: r.model_dump(mode="json") for n, r in roles.items()}, sort_keys=True)
    labels = {row["country_code"]: row["country"] for row in places}
    labels |= {name: brand.label for name, brand in project.brands.items()}
    return Policy(roles, hashlib.sha256(allowed.encode()).hexdigest()[:16], labels)


def _each_brand(name: str, role: Role, project: Project) -> Iterator[tuple[str, Role]]:
    if role.rows != "each brand":
        yield name, role
        return
    for brand in project.brands.values():
        rows = (Rule(column="brand", values=(brand.name,)),)
        given = {"label": f"{role.label} {brand.label}", "rows": rows}
        yield f"{name}_{brand.name}", role.model_copy(update=given)


def _rules(role: Role) -> tuple[Rule, ...]:
    """In one order, however they are written; none where every row is let through."""
    return tuple(sorted(role.rows, key=repr)) if isinstance(role.rows, tuple) else ()

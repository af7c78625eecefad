"""The settings of mergehouse.yml."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from mergehouse.project.validation import Name, Strict

_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(MB|GB|MiB|GiB)")
_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
LEAST_MEMORY = 100 * 10**6


class Limits(Strict):
    memory: str = Field(
        default="3GB",
        description="Memory in MB, GB, MiB or GiB, 100MB at least; above it DuckDB spills to disk. More than"
        " four fifths of what the machine has is not taken.",
    )
    threads: int | None = Field(
        strict=True,
        default=None,
        ge=1,
        description="Threads at work, at most one for each core. Without it, as many.",
    )

    @field_validator("memory", mode="before")
    @classmethod
    def _of_some_use(cls, value: Any) -> str:
        written = _MEMORY.fullmatch(str(value))
        if not written or _bytes(written) < LEAST_MEMORY:
            raise ValueError("expected memory such as `3GB`, `100MB` at least")
        return str(value)

    @property
    def memory_bytes(self) -> int:
        """
        >>> Limits(memory="1.5 GB").memory_bytes
        1500000000
        """
        return _bytes(_MEMORY.fullmatch(self.memory))


def _bytes(written: re.Match[str] | None) -> int:
    return int(Decimal(written[1]) * _UNITS[written[2]]) if written else 0


class Retention(Strict):
    """How long the versions of tables stay that newer ones have replaced, for time travel. They go when a run
    writes the table; those of the last two runs stay in any case.
    """

    hours: int = Field(strict=True, default=168, ge=0, le=876_000, description="They go after so many hours.")
    copies: float = Field(
        strict=True,
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Those of a table and its log may take so many times the bytes of the table itself;"
        " above, the oldest go first.",
    )


class EngineConfig(Strict):
    """What runs the models: `duckdb`, embedded, or `spark`: the session at hand, a `master` or a Spark
    Connect `remote`.

    With `catalog` Spark names tables `catalog.schema.table`; without, it knows them by path.
    """

    name: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="`duckdb`, which is embedded, or `spark`."
    )
    master: str | None = Field(
        default=None,
        description="Where a Spark is started, such as `local[8]`. Without it, the session at hand is used,"
        " and where there is none, `local[*]` is started.",
    )
    remote: str | None = Field(
        default=None,
        pattern=r"^sc://",
        description="A Spark Connect endpoint, `sc://host:port`; `master` is not looked at then.",
    )
    catalog: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$",
        description="The catalog in which Spark names tables, `catalog.schema.table`. Without it, Spark"
        " knows them by path.",
    )
    settings: dict[str, str | int | bool] = Field(
        default={},
        description="Spark's own settings, for a session that mergehouse starts or connects to.",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class RatesConfig(Strict):
    """Where euro reference rates come from, and how long one holds. A text alone is the `source`."""

    source: str | None = Field(
        default=None,
        min_length=1,
        description="The European Central Bank's file of all rates, `.zip` or `.csv`: an address, or a path"
        " relative to the project. Without it, the bank's own address.",
    )
    hold_business_days: int = Field(
        strict=True,
        default=5,
        ge=0,
        le=366,
        description="A day without a rate takes the last one before it, at most so many days from Monday"
        " to Friday old.",
    )
    fetch: bool = Field(
        default=True,
        description="Whether a run that misses rates fetches newer ones from the `source`. `false` leaves"
        " that to `mergehouse rates update`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_source(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value


class ScienceConfig(Strict):
    """What runs make of customers' features. `true` or `false` alone is `tables`."""

    tables: bool = Field(
        default=True, description="`false` leaves out features, outcomes and all that models make of them."
    )
    train: bool = Field(
        default=True,
        description="Whether a run trains models of a brand that has none. `false` leaves that to `mergehouse"
        " train`; until then such a brand's scores are the fallback's.",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_tables(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return {"tables": value}
        if not isinstance(value, dict | ScienceConfig):
            raise ValueError("expected `true`, `false`, or `tables` and `train` below it")
        return value


class MlflowConfig(Strict):
    """Where models and their trainings are kept. Without `tracking_uri`: where MLFLOW_TRACKING_URI points,
    else the project's own database.

    `experiment` also begins the models' names; without it, that is the project's name.
    """

    tracking_uri: str | None = Field(
        default=None,
        min_length=1,
        description="Address of the tracking server or database, without a password. Without it, where"
        " `MLFLOW_TRACKING_URI` points, else `mlflow/` in the project.",
    )
    experiment: str | None = Field(
        default=None,
        min_length=1,
        description="The experiment, with which names of models begin, too. Without it, the project's name.",
    )

    @model_validator(mode="after")
    def _no_secret(
        self,
    ) -> MlflowConfig:  # of the model, not of the field: a field's message would show what was found
        if self.tracking_uri and urlsplit(self.tracking_uri).password:
            raise ValueError(
                "tracking_uri carries a password; put it into MLFLOW_TRACKING_PASSWORD, or the whole into"
                " MLFLOW_TRACKING_URI"
            )
        return self


class Environment(Strict):
    """What is different in one environment: dev, test, prod. `raw` names brands' landing folders; what is
    left out is as above.
    """

    lakehouse: str | None = Field(default=None, description="In the place of `lakehouse`.")
    engine: EngineConfig | None = Field(default=None, description="In the place of all of `engine`.")
    limits: Limits | None = Field(default=None, description="In the place of all of `limits`.")
    retention: Retention | None = Field(default=None, description="In the place of all of `retention`.")
    churn_after_days: int | None = Field(
        strict=True, default=None, ge=1, le=3650, description="In the place of `churn_after_days`."
    )
    science: ScienceConfig | None = Field(default=None, description="In the place of all of `science`.")
    mlflow: MlflowConfig | None = Field(default=None, description="In the place of all of `mlflow`.")
    raw: dict[Name, str] = Field(
        default={}, description="In the place of brands' `raw`, by the names of their folders."
    )


class FabricDeployment(Strict):
    """A deployment pipeline of Microsoft Fabric that promotions drive, and the name of its stage for each
    environment.
    """

    deployment_pipeline: str = Field(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", description="Its id, a UUID."
    )
    stages: dict[Name, str] = Field(
        description="The stage of each environment, as it is called in Fabric. Promotions between"
        " environments that have one deploy the items; items for Fabric are written for these environments."
    )


class SignIn(Strict):
    """Sign-in by an identity provider, with OpenID Connect. Its secret is in MERGEHOUSE_OIDC_SECRET."""

    issuer: str = Field(
        pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])",
        description="The provider's address, as its `/.well-known/openid-configuration` has it.",
    )
    client_id: str = Field(min_length=1, description="The name of this client there.")
    roles: Annotated[dict[str, Name], Field(min_length=1)] = Field(
        description="The role of `access.yml` that a group gives. Groups that are not here give nothing."
    )
    groups_claim: str = Field(
        default="groups", min_length=1, description="The claim of the ID token that lists groups."
    )
    scope: str = Field(
        default="openid profile",
        pattern=r"^openid( |$)",
        description="What the provider is asked for; some tell groups only when asked.",
    )


class ServeConfig(Strict):
    """How dashboards are served."""

    sign_in: SignIn | None = Field(
        default=None,
        description="An identity provider that signs people in, by OpenID Connect, besides the users of"
        " `mergehouse users`.",
    )


class Config(Strict):
    """`mergehouse.yml`. Releases are promoted through `environments` in the order they are written in."""

    name: str = Field(
        min_length=1, description="The project: the data set of its releases, the title of its pages."
    )
    lakehouse: str = Field(
        default="lakehouse",
        description="Where the tables lie: a folder, relative to the project, or a URL of an object store.",
    )
    allow_outside: bool | list[str] = Field(
        default=False,
        description="Folders outside of the project that `lakehouse`, brands' `raw` and links among exports"
        " may name, each with all below it; `true` allows any. What `environments` name is allowed.",
    )
    engine: EngineConfig = Field(
        default=EngineConfig(),
        description="What runs the models: a name alone, or the keys below.",
    )
    churn_after_days: int = Field(
        strict=True,
        default=90,
        ge=1,
        le=3650,
        description="A customer whose last purchase is more than so many days before the as-of date has"
        " churned. It holds for brands that set none of their own.",
    )
    fiscal_year_starts: int = Field(
        strict=True,
        default=1,
        ge=1,
        le=12,
        description="The month that fiscal years begin with, such as 4 for April. They are called after the"
        " calendar year that they end in.",
    )
    rates: RatesConfig = Field(
        default=RatesConfig(), description="Euro reference rates: a `source` alone, or the keys below."
    )
    science: ScienceConfig = Field(
        default=ScienceConfig(),
        description="Features of customers, and models that learn from them: `true` or `false` alone, or the"
        " keys below.",
    )
    vault: bool = Field(
        default=False,
        description="Whether order lines, customers and products are also kept as a Data Vault, with their"
        " history, and Gold is built from there.",
    )
    mlflow: MlflowConfig = Field(
        default=MlflowConfig(), description="Where models and their trainings are kept."
    )
    limits: Limits = Field(
        default=Limits(),
        description="What DuckDB may take of the machine in a run on the embedded engine, and in profiles"
        " and releases on any.",
    )
    retention: Retention = Field(
        default=Retention(), description="How long old versions of tables stay, for time travel."
    )
    former_brands: list[str] = Field(
        default=[],
        description="Brands that were taken away on purpose: what they delivered stays in Bronze, is in no"
        " figure, and no finding.",
    )
    environments: dict[Name, Environment] = Field(
        default={},
        description="What is different with `--env NAME`, by name. Releases are"
        " promoted in the order in which they are written.",
    )
    fabric: FabricDeployment | None = Field(
        default=None,
        description="A deployment pipeline of Microsoft Fabric that promotions drive.",
    )
    serve: ServeConfig = Field(default=ServeConfig(), description="How dashboards are served.")

"""Delta Sharing: the configuration of delta-io's reference server, which gives tables to receivers that have
no Azure or Fabric.

Source: delta-io/delta-sharing, server/src/universal/conf/delta-sharing-server.yaml.template and
ServerConfig.scala.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from mergehouse.contracts.contract import Contract
from mergehouse.errors import ConfigError

FILE = "delta-sharing-server.yaml"
SIGNED_SECONDS = 3600  # how long a file's signed address is good for
HEAD = """# Configuration of the Delta Sharing server, written by `mergehouse platform sharing`.
# It listens on this machine alone: receivers reach it through a proxy with TLS. Before it starts, add
# where it runs, from its secret store:
#   authorization: {bearerToken: ...}
# Without it everybody who reaches the server may read. Credentials of the store are in the server's
# core-site.xml.
"""


def sharing_config(name: str, location: str, contracts: Iterable[Contract]) -> tuple[str, list[str]]:
    """The file's text, with one share, called after the project, of the tables that nobody's person is in;
    and those left out.

    A share gives whole tables, so one with a personal column is not shared. Raises ConfigError on a location
    that the server cannot read.
    """
    root, shared, left_out = _readable(location), [], []
    for contract in contracts:
        if any(column.pii == "personal" for column in contract.columns.values()):
            left_out.append(contract.table)
        else:
            shared.append(
                {
                    "name": contract.table.split(".")[1],
                    "location": f"{root}/{contract.table.replace('.', '/')}",
                }
            )
    config: dict[str, Any] = {
        "version": 1,
        "shares": [
            {"name": re.sub(r"[^A-Za-z0-9_-]+", "-", name), "schemas": [{"name": "gold", "tables": shared}]}
        ],
        "host": "localhost",
        "port": 8080,
        "endpoint": "/delta-sharing",
        "preSignedUrlTimeoutSeconds": SIGNED_SECONDS,
        "deltaTableCacheSize": max(10, len(shared)),
        "stalenessAcceptable": False,
        "evaluatePredicateHints": True,
    }
    return HEAD + yaml.safe_dump(config, sort_keys=False, allow_unicode=True), left_out


def _readable(location: str) -> str:
    """The location in the words of Hadoop, which the server reads with."""
    if location.startswith("s3://"):
        return "s3a://" + location.removeprefix("s3://")
    if re.match(r"(abfss://[^/@]+@|gs://)", location):
        return location
    raise ConfigError(
        f"{location}: the server cannot read it; expected"
        " abfss://container@account.dfs.core.windows.net/folder, s3:// or gs://."
    )

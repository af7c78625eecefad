"""The scripts that a bundle's tasks run. An end with a word is a failure to Databricks, and so is every
`SystemExit`: a task that went well just ends.
"""

from __future__ import annotations

COMMAND = '''"""Runs one command of mergehouse: COMMAND PROJECT [ENVIRONMENT].

Written by `mergehouse platform databricks`.
"""

import sys

import mergehouse as mh
from mergehouse.cli.commands import app
from mergehouse.errors import MergehouseError

command, project, *environment = sys.argv[1:]
code = 0
try:
    if mh.project(project, *environment).config.engine.name == "spark":
        from pyspark.sql import SparkSession

        SparkSession.builder.getOrCreate()  # the session that `engine: spark` finds
    options = ["--project", project, *(f"--env={name}" for name in environment)]
    code = app([command, *options], standalone_mode=False)
except MergehouseError as error:
    sys.exit(str(error))
if code:
    sys.exit(f"`mergehouse {command}` ended with {code}; what it found is above.")
'''

PUBLISH = '''"""Brings the current release into the tables of Unity Catalog: CATALOG PROJECT [ENVIRONMENT].

Written by `mergehouse platform databricks`.
"""

import sys

from pyspark.sql import SparkSession

import mergehouse as mh
from mergehouse.errors import MergehouseError
from mergehouse.platform.databricks.publish import publish
from mergehouse.release.export.export import releases_of

catalog, project, *environment = sys.argv[1:]
try:
    root = releases_of(mh.project(project, *environment))
    for line in publish(SparkSession.builder.getOrCreate(), root, catalog):
        print(line)
except MergehouseError as error:
    sys.exit(str(error))
'''

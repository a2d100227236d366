# Every command of the project. Settings go on the line: make run PORT=4000 SPEED=0
.DEFAULT_GOAL := help
.PHONY: help run bench acceptance test lint validate sam clean

BIN := .venv/bin
SAM := env SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-central-1 .venv-sam/bin/sam

# What could lead the interpreter astray; without .pyc files every process starts about three times slower.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH
# Make itself exports what stands on its line. A setting left empty counts as not given.
SETTINGS := PORT HOST SPEED PARTITIONS WORKERS SEED DROP_RATE NETWORK_FAILURE_RATE ORDERFLOW_HOME LOG_LEVEL LOG_FORMAT REDIS_URL DATABASE_URL
PREPARE = for name in $(SETTINGS) HOME; do eval "[ -n \"\$${$$name-}\" ]" || unset "$$name"; done; \
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo "Settings for run: $(SETTINGS)"

run: .venv/.to-run ## start everything on this machine; Ctrl-C stops it
	@$(PREPARE); exec $(BIN)/python -m local up

bench: .venv/.to-run ## measure it under load; ARGS="--help" shows how
	@$(PREPARE); exec $(BIN)/python -m local bench $(ARGS)

acceptance: .venv/.to-run ## act as a client of BASE_URL, or of a system started for it
	@$(PREPARE); exec $(BIN)/python -m local acceptance $(if $(BASE_URL),--base-url '$(BASE_URL)') $(ARGS)

test: .venv/.to-test ## every test; ARGS="-k route" for some
	@$(PREPARE); exec $(BIN)/python -m pytest $(ARGS)

lint: .venv/.to-test ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

validate: sam ## lint and build template.yaml with the SAM CLI
sam: .venv-sam/.to-run
	$(SAM) validate --lint
	@for bin in "$$(dirname "$$(command -v python3.13)")" "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin; do \
	    if "$$bin/python3.13" -c '' 2>/dev/null; then export PATH="$$bin:$$PATH"; exec $(SAM) build; fi; \
	done; \
	echo "sam build needs the functions' own runtime, python3.13, on PATH: install it (pyenv install 3.13)." >&2; exit 1

clean: ## remove environments, builds and caches; the state in .orderflow stays
	rm -rf .venv .venv-sam .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find functions layers local tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose interpreter is gone, or that was moved here from elsewhere, is not up to date.
fit = $(shell [ -x $(1)/bin/python ] && [ "$$(cat $(1)/.tree 2>/dev/null)" = "$$(pwd -P)" ] && echo yes)
.PHONY: $(if $(call fit,.venv),,.venv/.to-run) $(if $(call fit,.venv-sam),,.venv-sam/.to-run)

.venv/.to-run: local/requirements.txt pyproject.toml local/install.sh
	@sh local/install.sh .venv local/requirements.txt 30 --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.to-test: tests/requirements.txt .venv/.to-run
	@sh local/install.sh .venv tests/requirements.txt 30
	@touch $@

.venv-sam/.to-run: tests/requirements-sam.txt local/install.sh
	@sh local/install.sh .venv-sam tests/requirements-sam.txt 60
	@touch $@

# Every command of the project. Settings go on the line: make run PORT=4000 SPEED=0
.DEFAULT_GOAL := help
.PHONY: help run bench chaos acceptance compose localstack test test-quick coverage test-docker test-localstack test-sam lint words hooks mutants openapi vendored screenshots validate sam services sam-api sam-lambda sam-run lock clean

BIN := .venv/bin
SAM := sh local/sam.sh

# What could lead the interpreter astray; without .pyc files every process starts about three times slower.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH
# Make itself exports what stands on its line. A setting left empty counts as not given.
SETTINGS := PORT HOST SPEED PARTITIONS WORKERS VENUE SEED DROP_RATE NETWORK_FAILURE_RATE LAUNCH_EVERY_SLOTS CLOCK MARKET_SCRIPT ORDERFLOW_HOME LOG_LEVEL LOG_FORMAT REDIS_URL DATABASE_URL REDIS_CLUSTER REDIS_MIN_REPLICAS MAX_LAG MAX_IN_FLIGHT MAX_RESTING MAX_MEMORY REDIS_MAXMEMORY MAX_QUOTES MAX_READS MAX_CHANGES IDEMPOTENCY_HOURS MAX_REQUESTS MAX_SOCKETS MAX_WATCHERS MAX_CONNECTIONS MAX_CONNECTIONS_PER_ADDRESS AUTH ALLOWED_HOSTS ALLOWED_ORIGINS DOCS REDIS_PORT POSTGRES_PORT CONNECTIONS_PORT CONNECTIONS_SECRET INVOKE LAMBDA_ENDPOINT TRACE_ORDERS
# Make would expand a `$$` in what stands on its line, such as one in a password. It reaches the programs as it was given.
$(foreach name,$(filter-out -%,$(.VARIABLES)),$(if $(filter command,$(firstword $(origin $(name)))),$(eval \
	override $(name) := $$(value $(name)))$(eval export $(name))))
PREPARE = for name in $(SETTINGS) HOME; do eval "[ -n \"\$${$$name-}\" ]" || unset "$$name"; done; \
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{printf "  make %-15s %s\n", $$1, $$2}'
	@echo "Settings for run: $(SETTINGS)"

run: .venv/.to-run ## start everything on this machine; Ctrl-C stops it
	@$(PREPARE); exec $(BIN)/python -m local up

bench: .venv/.to-run ## measure BASE_URL under load, or a system started for it; ARGS="--help" shows how
	@$(PREPARE); exec $(BIN)/python -m tests.harness bench $(if $(BASE_URL),--base-url '$(BASE_URL)') $(ARGS)

chaos: .venv/.to-run ## break it on purpose and audit what becomes of its orders; ARGS="--help" shows how
	@$(PREPARE); exec $(BIN)/python -m tests.harness chaos $(ARGS)

acceptance: .venv/.to-run ## act as a client of BASE_URL, or of a system started for it
	@$(PREPARE); exec $(BIN)/python -m tests.harness acceptance $${BASE_URL:+--base-url "$$BASE_URL"} $(ARGS)

# Tests wait more than they compute, so four at once keep two cores busy; each worker has servers of its own.
PYTEST := $(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder
test: .venv/.to-test ## every test that takes no docker engine; ARGS="-k route" for some, ARGS="-p randomly" in any order
	@$(PREPARE); exec $(PYTEST) $(ARGS)

test-quick: .venv/.to-test ## the tests that start no servers and make no long search, in under a minute
	@$(PREPARE); exec $(PYTEST) tests/unit tests/functional tests/contract $(ARGS)

coverage: .venv/.to-test ## make test, and red where it runs less of a package than pyproject.toml says
	@$(PREPARE); $(PYTEST) --cov --cov-report= $(ARGS)
	@$(BIN)/python -m tests.lint.coverage

lint: .venv/.to-test words ## style, spelling, words, types, names in Lua and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files -z | xargs -0 $(BIN)/codespell
	$(BIN)/python -m tests.lint.editorconfig
	$(BIN)/python -m tests.lint.lua
	$(BIN)/mypy
	$(BIN)/lint-imports

# Parts of identifiers count as words. What is recorded, written by tools or not ours keeps its words.
words: .venv/.to-test ## find words that do not say the thing, with others for them: docs/words.txt
	git ls-files -z -- . ':!*.json' ':!*requirements*.txt' ':!LICENSE' ':!*/lightweight-charts*' ':!CHANGELOG.md' ':!docs/words.txt' | \
		xargs -0 $(BIN)/codespell --dictionary docs/words.txt --regex '[A-Z]?[a-z]+|[A-Z]+(?![a-z])'

hooks: .venv/.to-test ## have git check what is committed, as `make lint` does
	@$(BIN)/pre-commit install

mutants: .venv/.to-test .venv-mutants/.to-run ## make a copy wrong in many ways, and list what no test notices; ARGS="--help" shows how
	@$(PREPARE); exec .venv-mutants/bin/python -m tests.mutants $(ARGS)

openapi: .venv/.to-test ## write docs/openapi.json from the code
	@$(PREPARE); exec $(BIN)/python -m tests.support.openapi

screenshots: .venv/.to-test ## write docs/images anew, of a system that trades for it; takes Chromium and three minutes
	@$(PREPARE); exec $(BIN)/python -m tests.support.screenshots

vendored: .venv/.to-run ## take the chart library out of its pinned wheel again
	@sh local/setup/vendored.sh

validate: sam ## lint and build template.yaml with the SAM CLI
sam: .venv-sam/.to-run
	@$(SAM) validate --lint
	@$(SAM) build
	@touch .aws-sam/.built

services: .venv/.to-run ## Redis and Postgres alone, on ports that containers reach; Ctrl-C stops them
	@$(PREPARE); exec $(BIN)/python -m local services

sam-api: .aws-sam/.built ## the HTTP API in its container (sam local start-api), on port 3002; needs services
	@$(PREPARE); exec $(SAM) local start-api $(ARGS)

sam-lambda: .aws-sam/.built ## every function in its container (sam local start-lambda), on port 3001; needs services
	@$(PREPARE); exec $(SAM) local start-lambda $(ARGS)

sam-run: .venv/.to-run ## the gateway and the event source for sam-lambda; needs services
	@$(PREPARE); exec $(BIN)/python -m local up --invoke lambda

test-sam: .venv/.to-test .venv-sam/.to-run ## the functions under sam local, for real; takes a docker engine
	@$(PREPARE); exec $(BIN)/python -m pytest tests/sam $(ARGS)

compose: ## everything in docker, with LocalStack for secrets and settings; PORT, SPEED … as for run
	@exec sh local/compose.sh

localstack: .venv/.to-run .aws-sam/.built ## as compose, but the functions are deployed to LocalStack and invoked there
	@$(PREPARE); exec sh local/localstack/deploy.sh

test-docker: .venv/.to-test ## compose.yaml brought up, tried, broken and audited; takes a docker engine
	@$(PREPARE); exec $(BIN)/python -m pytest tests/docker $(ARGS)

test-localstack: .venv/.to-test .aws-sam/.built ## the template deployed to LocalStack and tried; takes a docker engine
	@$(PREPARE); exec $(BIN)/python -m pytest tests/localstack $(ARGS)

clean: ## remove environments, builds and caches; the state in .orderflow stays
	rm -rf .venv .venv-sam .venv-localstack .venv-lock .venv-mutants .venv*.installing* .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find functions layers local tests -name __pycache__ -type d -prune -exec rm -rf {} +

# LocalStack runs on the functions' own runtime.
PYTHON313 = $(or $(shell for python in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python3.13; do \
	"$$python" -c '' 2>/dev/null && echo "$$python" && break; done),python3.13)

# An environment whose interpreter is gone, or that was moved here from elsewhere, is not up to date.
fit = $(shell [ -x $(1)/bin/python ] && [ "$$(cat $(1)/.tree 2>/dev/null)" = "$$(pwd -P)" ] && echo yes)
.PHONY: $(if $(call fit,.venv),,.venv/.to-run) $(if $(call fit,.venv-sam),,.venv-sam/.to-run)
.PHONY: $(if $(call fit,.venv-localstack),,.venv-localstack/.to-run) $(if $(call fit,.venv-lock),,.venv-lock/.to-run)
.PHONY: $(if $(call fit,.venv-mutants),,.venv-mutants/.to-run)

.venv/.to-run: local/setup/requirements.txt pyproject.toml local/setup/install.sh
	@sh local/setup/install.sh .venv local/setup/requirements.txt 30 --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.to-test: tests/requirements.txt .venv/.to-run
	@sh local/setup/install.sh .venv tests/requirements.txt 30
	@touch $@

.aws-sam/.built: .venv-sam/.to-run template.yaml $(shell find functions layers -name '*.py' -o -name '*.lua' -o -name '*.txt' -o -name '*.json' -o -path '*/page/*')
	@$(SAM) build
	@touch $@

.venv-sam/.to-run: tests/requirements-sam.txt local/setup/install.sh
	@sh local/setup/install.sh .venv-sam tests/requirements-sam.txt 60
	@touch $@

lock: .venv-lock/.to-run ## write the lock files anew from pyproject.toml; ARGS=--upgrade takes newer versions
	@sh local/setup/lock.sh $(ARGS)

.venv-lock/.to-run: local/setup/requirements-lock.txt local/setup/install.sh
	@sh local/setup/install.sh .venv-lock local/setup/requirements-lock.txt 5
	@touch $@

.venv-mutants/.to-run: tests/requirements-mutants.txt local/setup/install.sh
	@sh local/setup/install.sh .venv-mutants tests/requirements-mutants.txt 10
	@touch $@

.venv-localstack/.to-run: tests/requirements-localstack.txt local/setup/install.sh
	@PYTHON=$(PYTHON313) sh local/setup/install.sh .venv-localstack tests/requirements-localstack.txt 40
	@touch $@

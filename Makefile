# `make run` and `make test` are all that a fresh machine needs, beside Python 3.11 or newer.

.DEFAULT_GOAL := help
CHECKS := types-of-python types-of-canvas style layers migrations tree
.PHONY: help run test check format browser bench chaos mutants shots lock clean ready ready-to-test $(CHECKS)

PORT ?= 8000
UPGRADE ?= --upgrade
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header

help: ## what can be made
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: ready ## install what is missing, then serve on http://127.0.0.1:8000 (PORT=8001 for another port)
	@exec $(BIN)/python manage.py up --port $(PORT)

test: ready-to-test browser ## the whole suite, in a real Chromium and on PostgreSQL too (ARGS="-k name" for a part)
	$(BIN)/python -m tests $(ARGS)

check: ready-to-test ## what counts as clean: style, layers, types, templates, migrations, tree
	@$(MAKE) --no-print-directory --jobs 2 $(CHECKS)

types-of-python:
	$(BIN)/mypy
types-of-canvas:
	sh .ci/canvas types
style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint templates --lint --quiet
layers:
	$(BIN)/lint-imports
migrations:
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run
tree:
	$(BIN)/python -m tests.repo.tree

format: ready-to-test ## put the code into the one form that check accepts
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

browser: ready-to-test ## find a Chromium, or install one
	@$(BIN)/python -m tests.browser

bench: ready-to-test browser ## what it does a second, and how late, beside plain commits on the same database (ARGS="postgresql steps" for a part)
	$(BIN)/python -m tests.bench $(ARGS)

chaos: ready-to-test ## break a deployment while it runs random workflows, and judge it (MINUTES=30, SEED=7, DATABASE=sqlite)
	$(BIN)/python -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(DATABASE),--on $(DATABASE)) $(ARGS)

mutants: ready-to-test ## break the engine in each way that tests must notice, and see them fail (ARGS="fence" for a part)
	$(BIN)/python -m tests.mutants $(ARGS)

shots: ready-to-test browser ## renew the pictures of every page in docs/shots (some minutes)
	$(BIN)/python -m tests.shots

lock: ready-to-test ## take the newest versions that pyproject.toml allows (UPGRADE= to keep those locked)
	$(LOCK) $(UPGRADE) -o requirements.txt
	$(LOCK) $(UPGRADE) --group dev -c requirements.txt -o requirements-dev.txt
	$(subst pyproject.toml,--group pyproject.toml:node,$(LOCK)) $(UPGRADE) -o requirements-node.txt
	cd canvas && npm $(if $(UPGRADE),update,install) --package-lock-only

clean: ## remove what was installed, built and cached; data/ stays
	rm -rf .venv canvas/node_modules static/built .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready:
	@sh .ci/install requirements.txt
	@sh .ci/canvas wanted

ready-to-test:
	@sh .ci/install requirements-dev.txt
	@sh .ci/canvas needed

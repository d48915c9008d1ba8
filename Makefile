# One command per job, the same here and in CI. Needs make and CPython 3.11; the rest is made.

PYTHON ?= $(shell for python in python3.11 python3 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.11*/bin/python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo "$$python" && break; done)
BOOTSTRAP = $(PYTHON) -m gateway.launch.bootstrap
VENV = .venv/bin
NPM = PATH="$(CURDIR)/$(VENV):$$PATH" npm --prefix web --silent
ALL = env dev web model train
WORKERS ?= 2
ARGS ?=

.PHONY: help python run setup env dev web model train lock test check check-python check-web format soak screenshots clean

help:
	@echo 'make run          set up what is missing and start everything (demo mode unless FRONTLINE_DEMO=0)'
	@echo 'make test         set up what is missing and run every test'
	@echo 'make check        ruff, mypy --strict, import-linter, web type check and lint'
	@echo 'make format       ruff format'
	@echo 'make setup        everything that run and test need; also one by one: env, dev, web, model, train'
	@echo 'make soak         the long versions of the tests'
	@echo 'make bench-NAME   one benchmark, see benchmarks/README.md'
	@echo 'make screenshots  pictures of every page'
	@echo 'make lock         compile requirements/*.in anew'
	@echo 'make clean        remove what was built; environments, data and logs stay'

python:
	@test -n "$(PYTHON)" || { echo 'CPython 3.11 was not found: install python3.11 (with venv), or say make PYTHON=/path/to/python3.11' >&2; exit 1; }

run: python
	@exec $(BOOTSTRAP) run

env web model train: python
	@$(BOOTSTRAP) $@

dev: python
	@$(BOOTSTRAP) env dev

setup: python
	@$(BOOTSTRAP) $(ALL)

test: python
	@$(BOOTSTRAP) $(ALL)
	@$(NPM) test
	@$(VENV)/python -m pytest -n $(WORKERS) --dist loadgroup -m 'not soak' $(ARGS)

check: python
	@$(BOOTSTRAP) env dev web
	@$(MAKE) --no-print-directory -j 2 --output-sync=target check-python check-web

check-python:
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check --quiet .
	@$(VENV)/lint-imports --no-logo
	@$(VENV)/mypy .

check-web:
	@$(NPM) run typecheck
	@$(NPM) run lint

format: python
	@$(BOOTSTRAP) dev
	@$(VENV)/ruff format .

soak: python
	@$(BOOTSTRAP) $(ALL)
	@$(VENV)/python -m pytest -m soak $(ARGS)

screenshots: python
	@$(BOOTSTRAP) $(ALL)
	@$(VENV)/python -m tests.browser.screenshots $(ARGS)

bench-%: python
	@$(BOOTSTRAP) $(ALL)
	@$(VENV)/python -m benchmarks.$(subst -,_,$*) $(ARGS)

lock: python
	@$(BOOTSTRAP) dev
	@$(VENV)/python -m gateway.launch.lock

clean:
	rm -rf web/dist web/node_modules/.vite .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# One command each. Needs Debian 12 or 13 (or another Linux), python3 and make.

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: run demo keysheet setup test drill fuzz check bench format messages lock clean

run: ## set everything up and serve it on http://127.0.0.1:8000
	@scripts/install run
	@$(BIN)/python manage.py setup
	@exec $(BIN)/python -m mutualaid.run

setup: ## only set up
	@scripts/install run
	@$(BIN)/python manage.py setup

demo: ## fill an example organisation
	@scripts/install run
	@$(BIN)/python manage.py setup
	@$(BIN)/python manage.py demo

keysheet: ## type one word of the key sheet back
	@scripts/install run
	@$(BIN)/python manage.py keysheet

test: ## everything but the drills, in half an hour: on SQLite, then on PostgreSQL, whatever came of the first
	@scripts/for-tests
	$(PYTEST) -n 2 $(ARGS); sqlite=$$?; \
	TEST_DATABASE=postgresql $(PYTEST) -n 2 -m "not once and not browser and not drill and not fuzz" $(ARGS) \
	&& exit $$sqlite

drill: ## slow faults, power cuts, bad and hostile input, raw blocks (as root, with loop devices)
	@scripts/for-tests
	$(PYTEST) -n 2 -m drill --timeout 900 $(ARGS); sqlite=$$?; \
	TEST_DATABASE=postgresql $(PYTEST) -n 2 -m "drill and not once" --timeout 900 $(ARGS) \
	&& exit $$sqlite

fuzz: ## every form and address, with much more of what people can type, for an hour or so
	@scripts/for-tests
	$(PYTEST) -m fuzz --timeout 3600 $(ARGS)

bench: ## figures as JSON lines (ONLY=match for one of them)
	@scripts/for-tests
	@$(BIN)/python -m bench $(ONLY)

check: ## lint, types, import rules, migrations, templates, spelling, dependencies, docs
	@scripts/install dev
	@scripts/check

format: ## put the code in its usual form
	@scripts/install dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

messages: ## collect what people see for the translators
	@scripts/install dev
	@$(BIN)/python scripts/messages.py

lock: ## fix versions and hashes of every package anew
	@scripts/install dev
	@scripts/lock

clean: ## forget the packages and caches; never the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache

# ccxt-position: `make run` and `make test` are all that a newcomer needs.

PYTHON ?= python3.11
VENV   := .venv
PY     := $(VENV)/bin/python

.PHONY: help run demo test torture clean

help:
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: $(VENV)/embedded.done ## set up and start everything on SQLite and the paper venue
	@exec $(PY) -m oms_project.up

demo: $(VENV)/embedded.done ## a tour through a running `make run`
	@exec $(PY) manage.py demo

test: $(VENV)/test.done ## set up and test everything
	@exec tests/run_all.sh

torture: $(VENV)/test.done ## a longer campaign: KILLS=100 times kill -9 at random, SEED=7
	@OMS_NET_CHANGES=1000 OMS_TORTURE_SEED=$(or $(SEED),11) \
	  OMS_DATA_DIR=$$(mktemp -d) $(PY) -m pytest -q -s positions/tests/test_protection_campaign.py
	@OMS_TORTURE_KILLS=$(or $(KILLS),100) OMS_TORTURE_SEED=$(or $(SEED),7) \
	  OMS_DATA_DIR=$$(mktemp -d) $(PY) -m pytest -q -s tests/e2e/test_kill.py

clean: ## remove the virtual environment and caches, keep the data in var/
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not installed; install Python 3.11 (Debian: apt-get install python3.11 python3.11-venv) or name yours with PYTHON=…"; exit 1; }
	@echo "make: creating $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "make: no venv module; on Debian: apt-get install python3.11-venv"; exit 1; }

$(VENV)/embedded.done: requirements/embedded.txt | $(PY)
	@echo "make: installing requirements/embedded.txt (about a minute)"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements/embedded.txt
	@touch $@

$(VENV)/test.done: requirements/embedded.txt requirements/test.txt $(VENV)/embedded.done
	@echo "make: installing requirements/test.txt"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements/test.txt
	@# mysqlclient has no wheel: without compiler and headers the tests on MariaDB say what to install.
	@$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep '^mysqlclient' requirements.txt)" \
	  || echo "make: mysqlclient could not be built (Debian: apt-get install gcc pkg-config libmariadb-dev)"
	@touch $@

# ccxt-position: `make run` and `make test` are all that a newcomer needs.

PYTHON ?= python3.11
VENV   := .venv
PY     := $(VENV)/bin/python

.PHONY: help run demo test test-clients exchanges torture bench million lock clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

run: $(VENV)/embedded.done ## set up and start everything on SQLite and the paper venue
	@exec $(PY) -m oms_project.starting.up

demo: $(VENV)/embedded.done ## a tour through a running `make run`
	@exec $(PY) manage.py demo

test: $(VENV)/mysqlclient.done ## set up and test everything
	@exec tests/run_all.sh

test-clients: $(VENV)/test.done ## let real bots trade, restart the OMS, compare books; ONLY=freqtrade-spot
	@exec $(PY) -m tests.clients $(if $(ONLY),--only $(ONLY)) $(if $(KEEP),--keep $(KEEP))

exchanges: $(VENV)/embedded.done ## ask every class of ccxt, offline, what it does with orders; write what they do
	@exec $(PY) -m gateway.exchanges.probe

torture: $(VENV)/mysqlclient.done ## longer campaigns: KILLS=100 ORDERS=10000 LIVES=1000 SEED=7
	@exec tests/torture.sh "$(or $(KILLS),100)" "$(or $(ORDERS),10000)" "$(or $(LIVES),1000)" "$(or $(SEED),7)"

bench: $(VENV)/mysqlclient.done ## measure, print one table of ratios; ONLY=engine for a part
	@exec $(PY) -m bench $(ONLY)

million: $(VENV)/mysqlclient.done ## prove a generated ledger: DEALS=1000000 ACCOUNTS=100 SEED=7
	@exec $(PY) -m bench.ledger --deals $(or $(DEALS),1000000) \
	  --accounts $(or $(ACCOUNTS),100) --seed $(or $(SEED),7)

lock: $(VENV)/test.done ## write requirements.lock anew: what production installs, with hashes
	@$(PY) -m pip install --quiet --disable-pip-version-check pip-tools
	@$(VENV)/bin/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-header \
	  --no-emit-index-url --no-emit-find-links -o requirements.lock requirements.txt
	@sed -i '1i # Everything of server mode, as tried, with hashes: pip install --require-hashes -r requirements.lock\n# Made by `make lock` from requirements.txt.' requirements.lock

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
	@touch $@

# mysqlclient has no wheel: without compiler and headers the tests on MariaDB say what to install, and
# the next run tries again.
$(VENV)/mysqlclient.done: requirements.txt $(VENV)/test.done
	@$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep '^mysqlclient' requirements.txt)" \
	  && touch $@ \
	  || echo "make: mysqlclient could not be built (Debian: apt-get install gcc pkg-config libmariadb-dev)"

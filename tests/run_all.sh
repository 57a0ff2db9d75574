#!/usr/bin/env bash
# Everything that is tested, part by part, with the time of each. `make test` calls it.
#
# A part fails without stopping the others; what the machine lacks is named at the end, and makes the
# result non-zero. One part by itself:  tests/run_all.sh engine
set -u
cd "$(dirname "$0")/.."
PY="$PWD/.venv/bin/python"
export PATH="$PWD/.venv/bin:$PATH"
unset PYTHONDONTWRITEBYTECODE  # Hundreds of processes are started; none has to compile again.
MARIADB="${OMS_TEST_MARIADB:-mysql://root@127.0.0.1:3306}"
REDIS="${OMS_TEST_REDIS:-redis://127.0.0.1:6379}"
export OMS_TEST_MARIADB="$MARIADB" OMS_TEST_REDIS="$REDIS"
# Thousands of commits wait for the disk. Memory does not let them wait, and no killed process loses
# any of it.
shm=/dev/shm
[ -w $shm ] && [ "$(df --output=avail -m $shm 2>/dev/null | tail -1)" -gt 4000 ] || shm="${TMPDIR:-/tmp}"
WORK="$(mktemp -d -p "$shm" oms.XXXX)"
trap 'rm -rf "$WORK"' EXIT
export TMPDIR="$WORK/t" OMS_DATA_DIR="$WORK/var" OMS_TEST_TEMPLATES="$WORK/templates"
mkdir "$TMPDIR"
LOG="$WORK/log"
failed=() times=()

answers() { "$PY" - "$1" <<'PY'
import socket, sys, urllib.parse
parts = urllib.parse.urlsplit(sys.argv[1])
try:
    socket.create_connection((parts.hostname, parts.port or 3306), 1).close()
except OSError:
    sys.exit(1)
PY
}

lacks() { # lacks WHAT: remember what this machine has not, once
  grep -qsxF "$1" "$WORK/missing" || echo "$1" >>"$WORK/missing"
}

need() { # need NAME, PACKAGE TO INSTALL
  lacks "$1 (Debian: apt-get install $2)"
}

part() { # part NAME COMMAND…
  local name="$1" start end; shift
  if [ -n "$ONLY" ] && [ "$ONLY" != "$name" ]; then return; fi
  printf '\n=== %s\n' "$name"
  start=$SECONDS
  if ! "$@"; then failed+=("$name"); fi
  end=$SECONDS
  times+=("$(printf '%-14s %4d s' "$name" $((end - start)))")
}

# The same examples each time: what fails is what was changed. `make torture` tries others.
tests() { "$PY" -m pytest -q --durations=3 --hypothesis-profile=ci "$@"; }

beside() { # beside PART…: parts that leave a core free, at the same time; told one after the other
  local name ended result started=$SECONDS
  for name in "$@"; do
    if [ -n "$ONLY" ] && [ "$ONLY" != "$name" ]; then continue; fi
    ( export OMS_DATA_DIR="$WORK/$name"
      result=0; "${name//-/_}" >"$WORK/$name.told" 2>&1 || result=1
      echo "$SECONDS $result" >"$WORK/$name.ended" ) &
  done
  wait
  for name in "$@"; do
    [ -f "$WORK/$name.ended" ] || continue
    read -r ended result <"$WORK/$name.ended"
    printf '\n=== %s\n' "$name"; cat "$WORK/$name.told"
    [ "$result" = 0 ] || failed+=("$name")
    times+=("$(printf '%-14s %4d s' "$name" $((ended - started)))")
  done
  [ "$SECONDS" = "$started" ] || times+=("$(printf '%-14s %4d s for these' "" $((SECONDS - started)))")
}

static() {
  ruff check . && ruff format --check . && lint-imports --no-logo && mypy && \
    "$PY" manage.py makemigrations --check --dry-run && "$PY" manage.py check
}

# What needs row locks, or Redis, runs in the part of the servers.
apps_sqlite() {
  tests -n 3 -m "not mariadb and not redis" accounts positions gateway riskdesk tests/architecture tests/bench \
    --ignore=positions/tests/engine
}

apps_mariadb() {
  answers "$MARIADB" || { need MariaDB mariadb-server; return 1; }
  answers "$REDIS" || { need Redis redis-server; return 1; }
  "$PY" -c 'import MySQLdb' 2>/dev/null || { need mysqlclient "libmariadb-dev pkg-config gcc, then: .venv/bin/pip install mysqlclient"; return 1; }
  # What only computes, or only talks to an exchange, is the same on any database.
  DATABASE_URL="$MARIADB/oms" tests -n 2 --on-database accounts positions gateway riskdesk \
    --ignore=positions/tests/engine --ignore=positions/tests/test_protection_campaign.py \
    --ignore=positions/tests/ledger/test_history.py
}

# A product waits most of the time, so several run beside each other.
products() { tests -n 3 --no-loadscope-reorder tests/e2e "$@"; }

end_to_end() { products -m "e2e and not faults" "$@"; }

# What was found in use, by the smallest input that showed it. What shares a product stays together.
found_in_use() { tests -n 3 --dist loadscope tests/faults tests/fuzz "$@"; }

# Bots written for ccxt, on the driver.
driver() { tests -n 2 --dist loadscope ccxt_driver tests/driver "$@"; }

# Scripts written for MetaTrader, on its package's calls.
mt5() { tests -n 2 --dist loadscope tests/mt5 "$@"; }

# What asserts how long something took runs afterwards, with the machine to itself.
faults() {
  local result=0 may=""
  if [ "$(id -u)" != 0 ]; then
    may=" and not root" result=1
    lacks "root rights: the test of a full disk mounts a small file system"
  fi
  products -m "faults and not alone$may" "$@" || result=1
  tests tests/e2e -m "faults and alone" "$@" || result=1
  return $result
}

servers() {
  answers "$MARIADB" || need MariaDB mariadb-server
  answers "$REDIS" || need Redis redis-server
  "$PY" -c 'import MySQLdb' 2>/dev/null || need mysqlclient "libmariadb-dev pkg-config gcc, then: .venv/bin/pip install mysqlclient"
  [ ! -s "$WORK/missing" ]
}

both_modes() { # both_modes COMMAND
  if servers; then "$1"; else "$1" -k "not server"; return 1; fi
}

ccxt() { tests tests/ccxt_suite; }

clean_clone() { tests/clean_clone.sh; }

browser() {
  command -v chromium >/dev/null || { need Chromium chromium; return 1; }
  tests tests/browser
}

ONLY="${1:-}"
part static       static
part engine       tests positions/tests/engine
part apps         apps_sqlite
part access       tests -n 2 tests/access tests/doors
part lives        tests -n 2 tests/campaign tests/budget tests/neighbours
part races        tests -n 2 tests/races
part mariadb      apps_mariadb
part venue        tests -n 2 tests/paper
part end-to-end   both_modes end_to_end
part faults       both_modes faults
part found        both_modes found_in_use
beside driver mt5
beside ccxt browser clean-clone

printf '\n=== times\n'; printf '%s\n' "${times[@]}"
if [ -s "$WORK/missing" ]; then
  printf '\nNot everything was tested. This machine lacks:\n'; sed 's/^/  /' "$WORK/missing"
fi
if [ ${#failed[@]} -gt 0 ]; then printf '\nFAILED: %s\n' "${failed[*]}"; exit 1; fi
printf '\nAll parts passed.\n'

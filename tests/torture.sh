#!/usr/bin/env bash
# Long campaigns, one after the other; each says what it did in a line that begins with "torture:".
#
#   tests/torture.sh KILLS ORDERS LIVES SEED      what `make torture` calls
#
# The rest by its variables: OMS_SENDERS_ROUNDS, OMS_AMBIGUOUS, OMS_OUTAGES, OMS_NET_CHANGES,
# OMS_EXAMPLES, OMS_RACES, OMS_BUDGET_MINUTES.
set -u
cd "$(dirname "$0")/.."
PY="$PWD/.venv/bin/python"
export OMS_KILL_TRIALS="$1" OMS_TORTURE_ORDERS="$2" OMS_TORTURE_SEED="$4"
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
export OMS_DATA_DIR="$WORK/var"
failed=()

campaign() { # campaign NAME COMMAND…
  printf '\n=== %s\n' "$1"
  "${@:2}" 2>&1 | tee -a "$WORK/log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || failed+=("$1")
}

campaign lives "$PY" -m tests.campaign --first "$4" --seeds "$3"
campaign "hard lives" "$PY" -m tests.campaign --first "$((20000 + $4))" --seeds "$3"
campaign replays "$PY" -m tests.campaign --first "$4" --seeds 200 --replay
campaign races "$PY" -m tests.races --first "$4" --races "${OMS_RACES:-5000}"
campaign neighbours "$PY" -m tests.neighbours --seeds 3 --first "$4"
campaign strategies "$PY" -m pytest -q -s tests/e2e/test_three_strategies.py
campaign protection env OMS_NET_CHANGES="${OMS_NET_CHANGES:-1000}" \
  "$PY" -m pytest -q -s positions/tests/test_protection_campaign.py
campaign properties env OMS_EXAMPLES="${OMS_EXAMPLES:-300}" \
  "$PY" -m pytest -q positions/tests/ledger/test_properties.py
for mode in server embedded; do
  campaign "kills, $mode" "$PY" -m tests.slices --mode "$mode" --kills "$1" --first "$4"
done
export OMS_SENDERS_ROUNDS="${OMS_SENDERS_ROUNDS:-1000}" OMS_AMBIGUOUS="${OMS_AMBIGUOUS:-10000}" \
  OMS_OUTAGES="${OMS_OUTAGES:-20}"
campaign senders "$PY" -m pytest -q -s tests/e2e/test_one_request_id.py
campaign ambiguous "$PY" -m pytest -q -s tests/e2e/test_ambiguous.py
campaign outages "$PY" -m pytest -q -s tests/e2e/test_outages.py
campaign sockets env OMS_CROWD_CLIENTS=200 OMS_CROWD_ACCOUNTS=20 OMS_CROWD_ORDERS=5000 \
  OMS_CROWD_KILLS=20 "$PY" -m pytest -q -s tests/e2e/test_socket_crowd.py
campaign flood "$PY" -m tests.flood
campaign fuzz "$PY" -m tests.fuzz --calls "${OMS_FUZZ_CALLS:-100000}" --seed "$4" --least 500 --slice 10000
campaign budget "$PY" -m tests.budget --minutes "${OMS_BUDGET_MINUTES:-10}"
campaign switches "$PY" -m pytest -q -s tests/e2e/test_kill_switch.py

printf '\n=== figures\n'
grep -o 'torture: .*' "$WORK/log"
if [ ${#failed[@]} -gt 0 ]; then printf '\nFAILED: %s\n' "${failed[*]}"; exit 1; fi

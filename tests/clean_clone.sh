#!/usr/bin/env bash
# A new clone in a new virtual environment: `make run` comes up and the curl it prints fills an order.
set -eu
cd "$(dirname "$0")/.."
work="$(mktemp -d)"
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
run=""
finish() {
  [ -z "$run" ] || { kill -INT -- "-$run" 2>/dev/null || true; wait "$run" 2>/dev/null || true; }
  rm -rf "$work"
}
trap finish EXIT

git clone --quiet . "$work/clone"
cd "$work/clone"
export OMS_DATA_DIR="$work/var" OMS_PORT OMS_PAPER_PORT
OMS_PORT="$(port)"; OMS_PAPER_PORT="$(port)"
unset VIRTUAL_ENV DATABASE_URL PYTHONPATH
started=$SECONDS
set -m
make run >"$work/run.log" 2>&1 &
run=$!
set +m
for _ in $(seq 600); do
  grep -q "For programs:" "$work/run.log" && break
  kill -0 "$run" 2>/dev/null || { cat "$work/run.log"; exit 1; }
  sleep 0.5
done
grep -q "For programs:" "$work/run.log" || { cat "$work/run.log"; exit 1; }
echo "make run was ready after $((SECONDS - started)) s, virtual environment included"

sed -n '/^curl.*oms\/commands/,/^$/p' "$work/run.log" >"$work/curl.sh"
answer="$(bash "$work/curl.sh")"
echo "$answer" | grep -q '"status": "FILLED"' || { echo "not filled: $answer"; exit 1; }
echo "the printed curl filled an order"
make demo >"$work/demo.log" 2>&1 || { cat "$work/demo.log"; exit 1; }
grep -q "Positions, newest first" "$work/demo.log"
echo "make demo printed its tables"

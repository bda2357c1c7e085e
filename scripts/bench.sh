#!/usr/bin/env bash
# Runs a benchmark and keeps its figures in results/bench/NAME.json: scripts/bench.sh NAME ...
# `scripts/repro bench --help` lists the names.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || { echo "bench: name a benchmark; scripts/repro bench --help lists them" >&2; exit 2; }
for name in "$@"; do
    "$root/scripts/repro" bench "$name" --out "$root/results/bench/$name.json"
done

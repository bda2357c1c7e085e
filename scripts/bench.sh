#!/usr/bin/env bash
# Runs a benchmark and keeps its figures in results/bench/NAME.json: scripts/bench.sh NAME ...
# scripts/bench.sh --help lists the names. Run it on an idle machine.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
[ $# -gt 0 ] || { echo "bench: name a benchmark; scripts/bench.sh --help lists them" >&2; exit 2; }
dotnet build "$root/Core.CSharp/Benchmarks" -c Release -v quiet -nologo
benchmarks=(dotnet "$root/Core.CSharp/Benchmarks/bin/Release/net10.0/benchmarks.dll")
[ "$1" != --help ] || exec "${benchmarks[@]}" --help
for name in "$@"; do
    "${benchmarks[@]}" "$name" --out "$root/results/bench/$name.json"
done

#!/usr/bin/env bash
# Computes a sample of the committed records again and says what differs: so many of each paper and of the baselines, chosen by a seed.
#   scripts/verify-sample.sh --data ../shared/data/mvtec --weights ../shared/weights [--sample 4] [--seed 0] [--tolerance 0]
# Five papers and the baselines give 24 cells with 4 each. Exit code 1 when one differs; the summary at the end names the runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
data='' weights='' sample=4 seed=0 tolerance=0
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
        --data | --weights | --sample | --seed | --tolerance)
            [ $# -ge 2 ] || { echo "verify-sample: $1 needs a value; --help tells" >&2; exit 2; }
            declare "${1#--}=$2"
            shift 2 ;;
        *) echo "verify-sample: unknown argument '$1'; --help tells what is accepted" >&2; exit 2 ;;
    esac
done
[ -n "$data" ] || { echo 'verify-sample: --data DIR is missing: the data set that the records were made on' >&2; exit 2; }

differing=() verified=0
for run in "$root"/results/*/runs; do
    run=${run%/runs}
    git -C "$root" check-ignore -q "$run" && continue
    name=$(basename "$run")
    verified=$((verified + 1))
    printf '\n== %s\n' "$name"
    "$root/scripts/repro" verify --records "$run" --data "$data" ${weights:+--weights "$weights"} --sample "$sample" --seed "$seed" --tolerance "$tolerance" ||
        differing+=("$name")
done
printf '\n%d runs, up to %d cells each; ' "$verified" "$sample"
if [ ${#differing[@]} -gt 0 ]; then
    printf 'cells differ or were not compared in: %s\n' "${differing[*]}"
    exit 1
fi
echo 'every cell is what its record says'

#!/usr/bin/env bash
# The last job of a submission: writes the run's report and tells which cells have no record. Arguments: the checkout, SUBMISSION.
set -uo pipefail
root=$1 submission=$2
run=$(cd "$submission/../.." && pwd)
dotnet fsi "$root/scripts/report.fsx" -- --run "$run"
code=$?

missing=()
while read -r cell; do
    [ -f "$run/runs/$cell.json" ] || missing+=("$cell")
done <"$submission/cells"
all=$(wc -l <"$submission/cells")
printf '%d of %d cells have a record\n' $((all - ${#missing[@]})) "$all"
if [ ${#missing[@]} -gt 0 ]; then
    printf 'missing: %s\n' "${missing[@]}"
    printf 'the same submit.sh command submits just these again; why they failed is in %s/*.log\n' "$submission"
    code=1
fi
exit "$code"

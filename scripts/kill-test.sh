#!/usr/bin/env bash
# Kills sweeps of all five papers with SIGKILL at seeded moments: scripts/kill-test.sh [COUNT], 200 by default, minutes.
# After each kill no record, cache entry or checkpoint may be corrupt; each sweep must end with the records of an undisturbed one, bit for bit.
# The figures go to results/faults/kill.json. Then come the other faults: shared sweeps, full disks, signals. The suite takes ten moments.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export KILL_MOMENTS=${1:-200} KILL_REPORT=$root/results/faults/kill.json
exec "$root/scripts/test.sh" --filter "sweeps"

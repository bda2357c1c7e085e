#!/usr/bin/env bash
# Reads seeded mutations of small valid weights files: scripts/fuzz-checkpoints.sh [COUNT], 20,000 by default.
# Each must give an error or a load, within 1 s and 64 MB beyond the file's size. The suite runs 2,000 of them.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export FUZZ_MUTATIONS=${1:-20000}
exec "$root/scripts/test.sh" --filter "checkpoints fuzz"

#!/usr/bin/env bash
# Sets up, builds with warnings as errors, runs every test. The last line is `N passed, N failed` (`, N skipped` where tests were skipped).
# Arguments go to the tests: --filter NAME_PREFIX, --list-tests, --sequenced; --help lists all.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# libtorch's threads sleep between operations instead of spinning: on a machine with other work a step is several times cheaper.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
dotnet build "$root/Reproduction.sln" -c Release -v quiet -nologo
exec dotnet "$root/tests/bin/Release/net10.0/Tests.dll" "$@"

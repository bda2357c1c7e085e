#!/usr/bin/env bash
# Builds with warnings as errors, runs every test. The last line is `N passed, N failed` (`, N skipped` where tests were skipped).
# Arguments go to the tests: --filter NAME_PREFIX, --list-tests, --sequenced; --help lists all.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# libtorch's threads sleep between operations instead of spinning: on a machine with other work a step is several times cheaper.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
command -v dotnet >/dev/null || { echo "test: the .NET SDK (10.0 or newer) is missing: install it, so that 'dotnet --version' answers" >&2; exit 1; }
dotnet build "$root/Reproduction.sln" -c Release -v quiet -nologo
exec dotnet "$root/tests/bin/Release/net10.0/Tests.dll" "$@"

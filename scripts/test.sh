#!/usr/bin/env bash
# Sets up, builds with warnings as errors, runs every test. The last line is `N passed, N failed` (`, N skipped` where tests were skipped).
# Arguments go to the tests: --filter NAME_PREFIX, --list-tests, --sequenced; --help lists all.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/setup.sh"
dotnet build "$root/Reproduction.sln" -c Release -v quiet -nologo
exec dotnet "$root/tests/bin/Release/net10.0/Tests.dll" "$@"

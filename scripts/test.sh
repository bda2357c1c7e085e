#!/usr/bin/env bash
# Builds with warnings as errors, checks the code's format, runs every test. The last line is `N passed, N failed` (`, N skipped` where tests were skipped).
# Arguments go to the tests: --filter NAME_PREFIX, --list-tests, --sequenced; --help lists all.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# libtorch's threads sleep between operations instead of spinning: on a machine with other work a step is several times cheaper.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
command -v dotnet >/dev/null || { echo "test: the .NET SDK (10.0 or newer) is missing: install it, so that 'dotnet --version' answers" >&2; exit 1; }
dotnet build "$root/Reproduction.sln" -c Release -v quiet -nologo
(
    cd "$root"
    dotnet tool restore >/dev/null
    dotnet csharpier check Core.CSharp tests >/dev/null || { dotnet csharpier check Core.CSharp tests; echo 'test: format with: dotnet csharpier format Core.CSharp tests' >&2; exit 1; }
    dotnet fantomas --check Analysis.FSharp tests scripts || { echo 'test: format with: dotnet fantomas Analysis.FSharp tests scripts' >&2; exit 1; }
)
exec dotnet "$root/tests/bin/Release/net10.0/Tests.dll" "$@"

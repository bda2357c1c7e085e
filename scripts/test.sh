#!/usr/bin/env bash
# Builds with warnings as errors, checks the code's format, runs every test. The last line is `N passed, N failed` (`, N skipped` where tests were skipped).
# Without arguments the lists of tests are shared by as many processes as there are cores, up to four. Arguments go to one process of the tests:
# --filter NAME_PREFIX, --list-tests, --sequenced; --help lists all.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# libtorch's threads sleep between operations instead of spinning: on a machine with other work a step is several times cheaper.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
command -v dotnet >/dev/null || { echo "test: the .NET SDK (10.0 or newer) is missing: install it, so that 'dotnet --version' answers" >&2; exit 1; }
dotnet build "$root/Reproduction.sln" -c Release -v quiet -nologo
# The formatters are local tools (.config/dotnet-tools.json); where no feed is reached, only this check is left out.
formatted() {
    cd "$root"
    if ! dotnet tool restore >/dev/null 2>&1; then
        echo 'test: the format is not checked: the feed of CSharpier and Fantomas is not reached' >&2
        return 0
    fi
    if ! dotnet csharpier check Core.CSharp tests || ! dotnet fantomas --check Analysis.FSharp tests scripts; then
        echo 'test: format with: dotnet csharpier format Core.CSharp tests; dotnet fantomas Analysis.FSharp tests scripts' >&2
        return 1
    fi
}
(formatted)
exec dotnet "$root/tests/bin/Release/net10.0/Tests.dll" "$@"

#!/usr/bin/env bash
# Makes everything under results/ that is computed from run records again: reports, ablations, charts.
#   scripts/reports.sh            writes them (charts need Chromium: apt-get install chromium)
#   scripts/reports.sh --check    fails when a committed report or the index differs from what the records give; leaves the working tree as it was
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
case ${1:-} in
    '') check= ;;
    --check) check=yes ;;
    *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
if [ -n "$check" ] && [ -n "$(git status --porcelain -- results)" ]; then
    echo 'reports: results/ has uncommitted changes; commit or stash them before --check' >&2
    exit 1
fi

outdated=
dotnet build Analysis.FSharp -c Release -v quiet -nologo
dotnet fsi scripts/report.fsx
ablate() { dotnet fsi "scripts/$1.fsx" -- "${@:2}" --write >/dev/null; }
ablate ablate-levels --dataset mvtec --category bottle pill
ablate ablate-pca --dataset mvtec --category bottle pill
ablate calibrate-working-point --profile paper
ablate ablate-scales --profile quick
ablate ablate-padding --profile quick
ablate ablate-extractors --profile quick
# Eight epochs each: the full method's 30 for all of them would take an hour. Taken apart is the plain sum, the default of then.
ablate ablate-residuals --profile quick --category bottle --seed 0 --variant $(printf '%s+epochs=8 ' resnet18 plain-sum) \
    $(printf '%s+weight_by_positions=false+epochs=8 ' level1 level2 level3 levels23 no-normalisation kernels111 kernels333 kernels151)
ablate ablate-differences --profile quick --category bottle --seed 0
ablate ablate-scales-by-category --profile quick
ablate ablate-distortions --profile quick
ablate compare-papers
ablate orthogonality
ablate toy-distribution

# The index of all runs, and its line in README.md.
if [ -n "$check" ]; then
    dotnet fsi scripts/index.fsx -- --check >/dev/null || outdated=yes
else
    dotnet fsi scripts/index.fsx -- --write >/dev/null
fi

if [ -n "$check" ]; then
    changed=$(git status --porcelain -- 'results/*.md' 'results/**/*.md')
    git checkout -q -- results
    git clean -fdq -- results
    if [ -n "$changed$outdated" ]; then
        printf 'reports: these differ from what the run records give; scripts/reports.sh makes them again\n%s\n' "$changed" >&2
        exit 1
    fi
    echo 'every committed report is what its records give'
fi

#!/usr/bin/env bash
# Sets up, builds, runs the papers and writes the report. Without arguments: the quick profile on Surfaces (a procedural data set that is
# generated here) with the ImageNet ResNet-18 that comes with the packages, and Debian's Fashion-MNIST where it is installed, at most 15 minutes
# on two cores. With --data and --weights: the same on yours.
# Finished cells are kept: run again, it goes on where it stopped.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# libtorch's threads sleep between operations instead of spinning: on a machine with other work a step is several times cheaper.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

usage() {
    cat <<'EOF'
scripts/reproduce.sh [options]
  --data DIR           data set (MVTec AD layout, VisA, magnetic tile, MNIST-family, CIFAR-10); default: Surfaces, generated
  --weights DIR        folder of weights; default: resnet18_cntk, an ImageNet ResNet-18 that comes with the packages
  --profile NAME       paper, quick or smoke; default: quick
  --papers LIST        comma-separated; default: all, the folders of papers/ with published numbers
  --categories LIST    comma-separated; default: all of --data, two of Surfaces
  --device NAME        cpu or cuda; default: cpu
  --out DIR            default: results/quick
EOF
}

# Real photographs that Debian packages, for papers that publish a table on them: one class against the rest, all ten.
fashion=/usr/share/datasets/fashion-mnist

all=$(cd "$root/papers" && printf '%s\n' */published | cut -d/ -f1 | paste -sd,)
data='' weights='' profile=quick papers=$all categories='' device=cpu out=$root/results/quick
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --data | --weights | --profile | --papers | --categories | --device | --out)
            [ $# -ge 2 ] || { echo "reproduce: $1 needs a value; --help tells" >&2; exit 2; }
            declare "${1#--}=$2"
            shift 2 ;;
        *) echo "reproduce: unknown argument '$1'; --help tells what is accepted" >&2; exit 2 ;;
    esac
done

start=$SECONDS
say() { printf '[%d:%02d] %s\n' $(((SECONDS - start) / 60)) $(((SECONDS - start) % 60)) "$*"; }

command -v dotnet >/dev/null || { echo "reproduce: the .NET SDK (10.0 or newer) is missing: install it, so that 'dotnet --version' answers" >&2; exit 1; }
say "building (once, about a minute)"
dotnet build "$root/Reproduction.sln" -c Release -v quiet -nologo
repro=(dotnet "$root/Core.CSharp/Repro/bin/Release/net10.0/repro.dll")

embedded_data=
if [ -z "$data" ]; then
    embedded_data=yes
    data=$root/build/surfaces
    if [ ! -f "$data/surfaces.json" ]; then
        say 'generating Surfaces'
        "${repro[@]}" data surfaces --out "$data" --seed 0
    fi
    [ -n "$categories" ] || categories=woven,gear
fi

failed=()
IFS=, read -ra ids <<<"$papers"
for ((i = 0; i < ${#ids[@]}; i++)); do
    say "paper $((i + 1)) of ${#ids[@]}: ${ids[i]}$([ "$i" -gt 0 ] && printf ' (about %d minutes left)' $((((SECONDS - start) * (${#ids[@]} - i) / i + 59) / 60)))"
    "${repro[@]}" run --paper "${ids[i]}" --data "$data" ${categories:+--category "$categories"} ${weights:+--weights "$weights"} \
        --profile "$profile" --device "$device" --out "$out" --gallery 12 || failed+=("${ids[i]}")
    if [ -n "$embedded_data" ] && [ -d "$fashion" ] && grep -qs ',fashion_mnist,' "$root/papers/${ids[i]}"/published/*.csv; then
        "${repro[@]}" run --paper "${ids[i]}" --data "$fashion" ${weights:+--weights "$weights"} --profile "$profile" --device "$device" --out "$out" ||
            failed+=("${ids[i]}")
    fi
done

say 'writing the report'
dotnet fsi "$root/scripts/report.fsx" -- --run "$out"
say 'done'

# mean METRIC: its mean over the cells of each paper that have it.
mean() {
    local id
    for id in "${ids[@]}"; do
        cat "$out/runs/$id".*.json 2>/dev/null |
            awk -F'[:,]' -v id="$id" -v metric="\"$1\"" '$1 ~ "^ *" metric "$" && $2 ~ /^ [0-9]/ { sum += $2; n++ } END { if (n) printf " %s %.3f (%d)", id, sum / n, n }'
    done
}
printf '\n%d cells measured, %d papers with failures\n' "$(find "$out/runs" -name '*.json' | wc -l)" ${#failed[@]}
printf 'mean image AUROC (cells):%s\nmean pixel AUROC (cells):%s\n' "$(mean image_auroc)" "$(mean pixel_auroc)"
printf '\nPage:   %s\nReport: %s\n' "$(realpath "$out")/index.html" "$(realpath "$out")/report.md"
if [ ${#failed[@]} -gt 0 ]; then
    echo "reproduce: some cells failed in: ${failed[*]} (see above)" >&2
    exit 1
fi

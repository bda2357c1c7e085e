#!/usr/bin/env bash
# Sets up, builds, runs the papers and writes the report. Without arguments: the quick profile on Surfaces (a procedural data set that is
# generated here) with the ImageNet ResNet-18 that comes with the packages, and Debian's Fashion-MNIST where it is installed, a quarter of an
# hour on two cores (12 min 33 s without Fashion-MNIST). With --data and --weights: the same on yours.
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
  --jobs N             processes that share a paper's cells, each with its share of the cores and memory of its own;
                       default: 2 on a CPU of two cores or more
  --out DIR            default: results/quick
EOF
}

# Real photographs that Debian packages, for papers that publish a table on them: one class against the rest, all ten.
fashion=/usr/share/datasets/fashion-mnist

all=$(cd "$root/papers" && printf '%s\n' */published | cut -d/ -f1 | paste -sd,)
data='' weights='' profile=quick papers=$all categories='' device=cpu jobs='' out=$root/results/quick
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --data | --weights | --profile | --papers | --categories | --device | --jobs | --out)
            [ $# -ge 2 ] || { echo "reproduce: $1 needs a value; --help tells" >&2; exit 2; }
            declare "${1#--}=$2"
            shift 2 ;;
        *) echo "reproduce: unknown argument '$1'; --help tells what is accepted" >&2; exit 2 ;;
    esac
done

# Two processes of one thread each finish cells in two thirds of the time that one of two threads takes: nothing waits for the other core.
cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
[ -n "$jobs" ] || jobs=$([ "$device" = cpu ] && [ "$cores" -ge 2 ] && echo 2 || echo 1)
[[ $jobs =~ ^[1-9][0-9]?$ ]] || { echo "reproduce: --jobs $jobs: give a number from 1 to 99" >&2; exit 2; }

start=$SECONDS
say() { printf '[%d:%02d] %s\n' $(((SECONDS - start) / 60)) $(((SECONDS - start) % 60)) "$*"; }

command -v dotnet >/dev/null || { echo "reproduce: the .NET SDK (10.0 or newer) is missing: install it, so that 'dotnet --version' answers" >&2; exit 1; }
say "building (once, about a minute)"
log=$(mktemp)
workers=()
trap 'rm -f "$log" "$log.seen"; [ ${#workers[@]} -eq 0 ] || kill "${workers[@]}" 2>/dev/null' EXIT
# The command ends with a code of its own after Ctrl-C, which bash would take for a failed paper and go on with the next.
trap 'exit 130' INT
if ! dotnet build "$root/Reproduction.sln" -c Release -v quiet -nologo >"$log" 2>&1; then
    cat "$log" >&2
    echo 'reproduce: the build failed (see above)' >&2
    exit 1
fi
repro=(dotnet "$root/Core.CSharp/Repro/bin/Release/net10.0/repro.dll")

embedded_data=
if [ -z "$data" ]; then
    embedded_data=yes
    data=$root/build/surfaces
    [ -f "$data/surfaces.json" ] || say 'generating Surfaces'
    # Where it is there already, from this version of the generator, this does nothing.
    "${repro[@]}" data surfaces --out "$data" --seed 0 >/dev/null 2>"$log" || { cat "$log" >&2; exit 1; }
    [ -n "$categories" ] || categories=woven,gear
fi

# What is run: a paper and a data set a step. papers/<id>/seconds.csv tells what a step's cells took where it was measured
# (REPRO_WRITE_SECONDS=1 measures it anew); the time left is that of the steps to come, at the speed of this machine so far.
IFS=, read -ra ids <<<"$papers"
step_paper=() step_data=() step_categories=() step_cells=() step_expected=()
plan() { # paper, data, categories
    local name cells count
    cells=$("${repro[@]}" run --paper "$1" --data "$2" ${3:+--category "$3"} ${weights:+--weights "$weights"} --profile "$profile" --out "$out" --list 2>/dev/null) ||
        cells=
    name=$(basename "$2")
    count=$(printf %s "$cells" | grep -c . || true)
    step_paper+=("$1") step_data+=("$2") step_categories+=("$3") step_cells+=("$count")
    step_expected+=("$(awk -F, -v profile="$profile" -v data="$name" -v cells="$count" \
        '$1 == profile && $2 == data && $3 > 0 { print $4 * cells / $3 }' "$root/papers/$1/seconds.csv" 2>/dev/null || true)")
}
for id in "${ids[@]}"; do
    plan "$id" "$data" "$categories"
    if [ -n "$embedded_data" ] && [ -d "$fashion" ] && grep -qs ',fashion_mnist,' "$root/papers/$id"/published/*.csv; then plan "$id" "$fashion" ''; fi
done
steps=${#step_paper[@]}
step_seconds=()

# left STEP DONE OF SECONDS: ", about N minutes left" while a step has finished DONE of its cells, for SECONDS.
left() {
    local i expected='' taken=''
    for ((i = 0; i < steps; i++)); do
        expected+="${step_expected[i]:-0} "
        taken+="${step_seconds[i]:-0} "
    done
    awk -v expected="$expected" -v taken="$taken" -v step="$1" -v done="$2" -v of="$3" -v seconds="$4" 'BEGIN {
        n = split(expected, e, " "); split(taken, t, " ")
        # A step that was never measured is expected to take as long as the others do on average.
        for (i = 1; i <= n; i++) if (e[i] > 0) { sum += e[i]; known++ }
        if (!known) {
            spent = seconds; for (i = 1; i <= step; i++) spent += t[i]
            share = step + (of > 0 ? done / of : 0)
            if (share == 0) exit
            remaining = spent / share * (n - share)
        } else {
            for (i = 1; i <= n; i++) if (e[i] <= 0) e[i] = sum / known
            for (i = 1; i <= step; i++) { ours += t[i]; theirs += e[i] }
            # The first cells of a step compute what the others read: half of them tell its speed.
            if (of > 0 && done >= of / 2) { ours += seconds; theirs += e[step + 1] * done / of }
            speed = theirs > 0 ? ours / theirs : 1
            if (theirs == 0 && seconds > e[step + 1]) speed = seconds / e[step + 1]
            here = e[step + 1] * speed - seconds
            if (of > 0 && here < e[step + 1] * speed * (1 - done / of) / 2) here = e[step + 1] * speed * (1 - done / of) / 2
            for (i = step + 2; i <= n; i++) remaining += e[i] * speed
            remaining += here
        }
        printf ", about %d min left", (remaining + 59) / 60
    }'
}

# Passes a run's messages on: a warning once, whatever numbers and cell are in it; a finished cell with the time that all steps still take.
follow() {
    local line key began=$SECONDS
    while IFS= read -r line; do
        if [[ $line =~ ^(.*)\;\ ([0-9]+)/([0-9]+),\ about\ .*\ left$ ]]; then
            say "${BASH_REMATCH[1]}; cell ${BASH_REMATCH[2]} of ${BASH_REMATCH[3]}$(left "$1" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" $((SECONDS - began)))"
        elif [[ $line =~ ^\[[0-9]+/[0-9]+\]\ .*:\ [a-z]+\ [0-9]+/[0-9]+(\ loss\ .*)?$ || $line == records:* ]]; then
            : # how far a cell is
        elif [[ $line == *'waiting for '*' cells that other processes run' ]]; then
            : # those of this very step
        elif [[ $line == [╭├│╰]* ]]; then
            printf '%s\n' "$line" >>"$log"
        else
            key=$(printf %s "$line" | sed -E 's/^\[[0-9]+\/[0-9]+\] [^ ]+: //; s/[0-9]+//g')
            if ! grep -qxF -- "$key" "$log.seen" 2>/dev/null; then
                printf '%s\n' "$key" >>"$log.seen"
                printf '       %s\n' "$line" >&2
            fi
        fi
    done
}

failed=()
for ((i = 0; i < steps; i++)); do
    id=${step_paper[i]} began=$SECONDS
    : >"$log"
    say "step $((i + 1)) of $steps: $id on $(basename "${step_data[i]}"), ${step_cells[i]} cells"
    run=("${repro[@]}" run --paper "$id" --data "${step_data[i]}" ${step_categories[i]:+--category "${step_categories[i]}"} ${weights:+--weights "$weights"}
        --profile "$profile" --device "$device" --out "$out")
    [ "${step_data[i]}" = "$fashion" ] || run+=(--gallery 12)
    share=$((step_cells[i] < jobs ? step_cells[i] : jobs))
    [ "$share" -le 1 ] || run=(env OMP_NUM_THREADS=$((cores / share > 0 ? cores / share : 1)) "${run[@]}")
    # The first process speaks for all: it waits for the cells that the others hold, and runs those of one that dies.
    for ((worker = 1; worker < share; worker++)); do
        "${run[@]}" >/dev/null 2>&1 &
        workers+=($!)
    done
    if ! "${run[@]}" 2>&1 | follow "$i"; then
        # The table says which cells failed, and why.
        cat "$log" >&2
        failed+=("$id")
    fi
    [ ${#workers[@]} -eq 0 ] || wait "${workers[@]}" || true
    workers=()
    step_seconds[i]=$((SECONDS - began))
    if [ -n "${REPRO_WRITE_SECONDS:-}" ] && [ "${step_cells[i]}" -gt 0 ]; then
        file=$root/papers/$id/seconds.csv
        { echo 'profile,data,cells,seconds'; grep -sv -e '^profile,' -e "^$profile,$(basename "${step_data[i]}")," "$file" || true
            echo "$profile,$(basename "${step_data[i]}"),${step_cells[i]},${step_seconds[i]}"; } >"$file.new"
        mv "$file.new" "$file"
    fi
done

say 'writing the report'
dotnet fsi "$root/scripts/report.fsx" -- --run "$out" --means | grep -E '^(mean |[0-9]+ cells )'
say 'done'
printf '\nPage:   %s\nReport: %s\n' "$(realpath "$out")/index.html" "$(realpath "$out")/report.md"
if [ ${#failed[@]} -gt 0 ]; then
    echo "reproduce: some cells failed in: ${failed[*]} (see above)" >&2
    exit 1
fi

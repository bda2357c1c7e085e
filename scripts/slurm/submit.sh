#!/usr/bin/env bash
# Submits the cells of `repro run` that have no record yet as one Slurm job array, and a job that writes the report when the array has ended.
# Run again with the same arguments, it submits just what is missing: neither finished cells nor those that are still in the queue.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

usage() {
    cat <<'EOT'
scripts/slurm/submit.sh [options] -- OPTIONS OF 'repro run'
  --partition NAME         partition of the array (the cluster's default); a GPU partition with --device cuda
  --report-partition NAME  partition of the report (that of the array)
  --time LIMIT             time limit of a task; default: 0:15:00 with --profile smoke, 2:00:00 with quick, 12:00:00 with paper.
                           A task that comes near it leaves a checkpoint, goes back to the queue and continues from there.
  --cpus N                 cores a task (4)
  --mem SIZE               memory a task (the cluster's default)
  --gres LIST              generic resources a task; default: gpu:1 with --device cuda
  --max-tasks N            share the cells among at most this many tasks (as many as there are cells, within Slurm's MaxArraySize)
  --concurrent N           tasks that run at the same time (as many as the cluster lets)
  --cache DIR              feature cache that all tasks share; default: REPRO_CACHE, or ~/.cache/reproduction/features
  --sbatch OPTION          one more option for sbatch, as in --sbatch --account=vision; may be repeated
  --dry-run                print the cells' numbers and the sbatch commands, and submit nothing
Example:
  scripts/slurm/submit.sh --partition gpu -- --paper hfae --data /data/mvtec --weights /data/weights --profile paper \
      --device cuda --seed 0 1 2 3 4 --out /scratch/study
All folders must be seen by all nodes under the same path. The checkout is used as it was built on the submitting machine.
EOT
}

fail() {
    printf 'submit: %s\n' "$1" >&2
    exit "${2:-2}"
}

partition='' report_partition='' time='' cpus=4 mem='' gres='' max_tasks='' concurrent='' cache=${REPRO_CACHE:-} dry_run='' more=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --dry-run) dry_run=1; shift ;;
        --partition | --report-partition | --time | --cpus | --mem | --gres | --max-tasks | --concurrent | --cache | --sbatch)
            [ $# -ge 2 ] || fail "$1 needs a value; --help tells"
            name=${1#--}
            if [ "$name" = sbatch ]; then more+=("$2"); else declare "${name//-/_}=$2"; fi
            shift 2 ;;
        *) fail "unknown option '$1'; options of 'repro run' come after --, and --help tells the others" ;;
    esac
done
[ $# -gt 1 ] || fail "after -- come the options of 'repro run'; --help tells"
shift
for name in cpus max_tasks concurrent; do
    [[ ${!name:-1} =~ ^[1-9][0-9]*$ ]] || fail "--${name//_/-} '${!name}' is not a number from 1"
done

# The tasks get the folders as absolute paths, and their cells in place of --cell and --shard. The list of cells is made without --device:
# the submitting machine may have no GPU.
arguments=() device_arguments=() selection=() paper='' profile=quick device=cpu out='' force=''
while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
        --list) fail '--list does not go with submit.sh; --dry-run tells how many cells there are' ;;
        --cell | --shard)
            selection+=("$option")
            while [ $# -gt 0 ] && [[ $1 != -* ]]; do
                selection+=("$1")
                shift
            done
            continue ;;
        --cell=* | --shard=*) selection+=("$option"); continue ;;
        --force) force=1; arguments+=("$option"); continue ;;
        --paper | --profile | --device | --data | --weights | --out)
            [ $# -gt 0 ] || fail "$option needs a value"
            value=$1
            shift ;;
        --paper=* | --profile=* | --device=* | --data=* | --weights=* | --out=*)
            value=${option#*=}
            option=${option%%=*} ;;
        *) arguments+=("$option"); continue ;;
    esac
    case $option in
        --data | --weights | --out) value=$(realpath -m -- "$value") ;;
    esac
    if [ "$option" = --device ]; then device_arguments=("$option" "$value"); else arguments+=("$option" "$value"); fi
    case $option in
        --paper | --profile | --device | --out) declare "${option#--}=$value" ;;
    esac
done
[ -n "$out" ] || fail "--out is missing after --: it is the folder of the run"

listing=$("$root/scripts/repro" run "${arguments[@]}" ${selection[@]+"${selection[@]}"} --list)
mapfile -t cells <<<"$listing"

# queued: the cells of this run's tasks that Slurm has not ended yet. A task's folder is where submit.sh wrote its cells.
queued() {
    local index folder
    squeue --noheader --array --user="$(id -un)" --format='%K %Z' | while read -r index folder; do
        case $folder in
            "$out"/slurm/*) [ "$index" = N/A ] || sed -n "${index}p" "$folder/tasks" | tr ' ' '\n' ;;
        esac
    done
}

max_array=1001
in_queue=''
if configuration=$(scontrol show config 2>/dev/null); then
    max_array=$(awk '$1 == "MaxArraySize" { print $3 }' <<<"$configuration")
    in_queue=$(queued)
elif [ -n "$dry_run" ]; then
    printf 'submit: no Slurm answers here: the queue is taken as empty, MaxArraySize as %d\n' "$max_array" >&2
else
    fail 'no Slurm answers here (scontrol show config): run this on a machine of the cluster, or with --dry-run' 1
fi

declare -A is_queued=()
for cell in $in_queue; do is_queued[$cell]=1; done
missing=() finished=0
for cell in "${cells[@]}"; do
    if [ -n "${is_queued[$cell]:-}" ]; then continue; fi
    if [ -z "$force" ] && [ -f "$out/runs/$cell.json" ]; then finished=$((finished + 1)); else missing+=("$cell"); fi
done

tasks=${#missing[@]}
[ "$tasks" -lt "$max_array" ] || tasks=$((max_array - 1))
[ -z "$max_tasks" ] || [ "$tasks" -le "$max_tasks" ] || tasks=$max_tasks
printf '%d cells: %d with a record, %d in the queue, %d to run in %d tasks\n' \
    ${#cells[@]} "$finished" $((${#cells[@]} - finished - ${#missing[@]})) ${#missing[@]} "$tasks"

case $profile in
    smoke) default_time=0:15:00 ;;
    paper) default_time=12:00:00 ;;
    *) default_time=2:00:00 ;;
esac
[ -n "$gres" ] || [ "$device" != cuda ] || gres=gpu:1
submission=$out/slurm/$(date +%Y%m%d-%H%M%S)-$$
# The warning before the time limit goes to the batch script alone (B:), which passes it on and asks to be requeued.
array=(sbatch --parsable --export=ALL --job-name="repro-$paper" --array="1-$tasks${concurrent:+%$concurrent}" --nodes=1 --ntasks=1 --cpus-per-task="$cpus"
    --time="${time:-$default_time}" ${mem:+--mem="$mem"} ${partition:+--partition="$partition"} ${gres:+--gres="$gres"}
    --requeue --signal=B:TERM@120 --open-mode=append --chdir="$submission" --output="$submission/%a.log" ${more[@]+"${more[@]}"}
    "$root/scripts/slurm/task.sh" "$root" "$submission")
report_partition=${report_partition:-$partition}
report=(sbatch --parsable --export=ALL --job-name="report-$paper" --nodes=1 --ntasks=1 --time=0:30:00
    ${report_partition:+--partition="$report_partition"} --chdir="$submission" --output="$submission/report.log" ${more[@]+"${more[@]}"})
report_script=("$root/scripts/slurm/report.sh" "$root" "$submission")
if [ -n "$cache" ]; then
    REPRO_CACHE=$(realpath -m -- "$cache")
    export REPRO_CACHE
fi

if [ -n "$dry_run" ]; then
    [ -z "${REPRO_CACHE:-}" ] || printf 'REPRO_CACHE=%q\n' "$REPRO_CACHE"
    dependency=()
    if [ "$tasks" -gt 0 ]; then
        printf '%q ' "${array[@]}"
        printf '\n'
        dependency=(--dependency=afterany:ARRAY)
    fi
    printf '%q ' "${report[@]}" ${dependency[@]+"${dependency[@]}"} "${report_script[@]}"
    printf '\n'
    exit 0
fi

# Built here once, so that nodes need neither a compiler nor a network.
dotnet build "$root/Analysis.FSharp" -c Release -v quiet -nologo >/dev/null
mkdir -p "$submission"
printf '%s\n' "${arguments[@]}" ${device_arguments[@]+"${device_arguments[@]}"} >"$submission/arguments"
printf '%s\n' "${cells[@]}" >"$submission/cells"
# Neighbours in the list share a category and thus the features of its images, so a task takes consecutive cells.
for ((task = 0; task < tasks; task++)); do
    first=$((task * ${#missing[@]} / tasks))
    printf '%s\n' "${missing[*]:first:$(((task + 1) * ${#missing[@]} / tasks - first))}"
done >"$submission/tasks"

if [ "$tasks" -gt 0 ]; then
    id=$("${array[@]}")
    id=${id%%;*}
    report+=(--dependency="afterany:$id")
    printf 'array:  job %s, its output in %s\n' "$id" "$submission"
fi
id=$("${report[@]}" "${report_script[@]}")
printf 'report: job %s, its output in %s/report.log\n' "${id%%;*}" "$submission"

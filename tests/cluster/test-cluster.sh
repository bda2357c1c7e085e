#!/usr/bin/env bash
# Tests submit.sh against a real Slurm: installs Debian's slurmctld, slurmd and munge where they are missing, runs them as a cluster of one
# node with two cores in a folder of its own, submits an array of 20 smoke cells on Surfaces with the packaged weights, kills one task, has one
# requeued and warns one of its time limit, submits again, and checks records, report and that disturbed cells give the undisturbed metrics.
# The daemons live in a network and process namespace of their own: nothing listens outside, and everything ends with this script.
#   tests/cluster/test-cluster.sh [--record FILE]     FILE: what happened, as Markdown
# It needs root, takes 3 to 6 minutes on two cores and leaves nothing behind but the Debian packages.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
script=$root/tests/cluster/test-cluster.sh

fail() {
    printf 'test-cluster: %s\n' "$1" >&2
    exit 1
}

install_packages() {
    local package missing=() policy=/usr/sbin/policy-rc.d
    for package in slurmctld slurmd slurm-client munge iproute2; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    printf 'installing %s\n' "${missing[*]}"
    # The packages must not start services of their own.
    local made=''
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        made=1
    fi
    local log code=0
    log=$(mktemp)
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 || code=$?
    [ -z "$made" ] || rm -f "$policy"
    [ "$code" -eq 0 ] || { tail -n 5 "$log" >&2; fail "apt-get could not install ${missing[*]}; the log is $log"; }
    rm -f "$log"
}

if [ -z "${TEST_CLUSTER_INSIDE:-}" ]; then
    record=''
    case ${1:-} in
        '') ;;
        --record) record=$(realpath -m -- "${2:?--record needs a file}") ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "$script"; [ "$1" = --help ] && exit 0 || exit 2 ;;
    esac
    [ "$(id -u)" -eq 0 ] || fail 'this needs root, for slurmd and for namespaces of its own'
    install_packages
    "$root/scripts/repro" --help >/dev/null
    dotnet build "$root/Analysis.FSharp" -c Release -v quiet -nologo >/dev/null
    scratch=$(mktemp -d /tmp/slurm-test.XXXXXX)
    TEST_CLUSTER_INSIDE=$scratch unshare --net --pid --fork --kill-child --mount-proc -- "$script" &
    inside=$!
    trap 'kill -KILL "$inside" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    code=0
    wait "$inside" || code=$?
    [ "$code" -ne 0 ] || [ -z "$record" ] || { mkdir -p "$(dirname "$record")" && cp "$scratch/record.md" "$record"; }
    exit "$code"
fi

# From here on: process 1 of the namespaces. When it ends, however it ends, the kernel ends the daemons and the tasks.
scratch=$TEST_CLUSTER_INSIDE
start=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - start)) "$*" | tee -a "$scratch/steps"; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            squeue >&2 || true
            tail -n 5 "$scratch"/*.log >&2 || true
            fail "waited in vain for $what"
        fi
        sleep 0.2
    done
}

# Slurm resolves no name while 127.0.0.1 is the only address, so the loopback interface gets a second one.
ip link set lo up
ip address add 192.0.2.1/32 dev lo
chmod 755 "$scratch"
mkdir "$scratch/state" "$scratch/spool"
# A space in the folder of the run and in that of the data, on purpose.
run=$scratch/the\ run data=$scratch/the\ data
host=$(hostname)
(umask 077 && head -c 1024 /dev/urandom >"$scratch/munge.key")
export SLURM_CONF=$scratch/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$scratch/munge.socket
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
KillWait=10
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=1:00:00 State=UP
CONF
munged --foreground --force --socket="$scratch/munge.socket" --key-file="$scratch/munge.key" --pid-file="$scratch/munged.pid" \
    --log-file="$scratch/munged.log" --seed-file="$scratch/munged.seed" >"$scratch/munged.out" 2>&1 &
wait_for 10 munged test -S "$scratch/munge.socket"
slurmctld -D >"$scratch/slurmctld.log" 2>&1 &
slurmd -D -N "$host" >"$scratch/slurmd.log" 2>&1 &
node_is_idle() { [ "$(sinfo --noheader --format=%T)" = idle ]; }
wait_for 60 'an idle node' node_is_idle
say "$(slurmctld -V), one node with $(sinfo --noheader --format=%c) cores; network interfaces: $(ip -o link | awk -F': ' '{ print $2 }' | xargs)"

dotnet "$root/Core.CSharp/bin/Release/net10.0/repro.dll" data surfaces --out "$data" --train 24 --test-good 8 --per-defect 2 >/dev/null
arguments=(--paper hfae --variant resnet18_cntk+epochs=60 --data "$data" --category gear,woven --profile smoke
    --seed 0 1 2 3 4 5 6 7 8 9)
submit() { "$root/scripts/slurm/submit.sh" --cpus 1 --cache "$scratch/the cache" "$@" -- "${arguments[@]}" --out "$run"; }

# A checkpoint a second, so that every training leaves one soon.
export REPRO_CHECKPOINT_SECONDS=1
submit >"$scratch/submit.1"
cat "$scratch/submit.1"
say "submitted: $(head -n 1 "$scratch/submit.1")"
array=$(awk '/^array:/ { sub(",", "", $3); print $3 }' "$scratch/submit.1")
submission=$(echo "$run"/slurm/*)
cell_of() { sed -n "${1}p" "$submission/tasks"; }

# disturb COMMAND...: does so to a task that is in its training, as its checkpoint tells, other than those disturbed before; sets `task`.
caught=' '
is_training() {
    local index
    for index in {1..20}; do
        [[ $caught != *" $index "* ]] || continue
        [ -f "$run/checkpoints/$(cell_of "$index").safetensors" ] && [ ! -e "$run/runs/$(cell_of "$index").json" ] || continue
        task=$index
        return
    done
    return 1
}
disturb() {
    wait_for 300 'a task in its training' is_training
    caught+="$task "
    # What came of it is checked below: scancel repeats its signal and complains when the task has answered the first one by then.
    "$@" "${array}_$task" 2>/dev/null || true
}

disturb scancel --signal=KILL --full
killed=$task
say "killed task $killed (SIGKILL to all its processes)"
disturb scontrol requeue
requeued=$task
say "requeued task $requeued (scontrol requeue)"
disturb scancel --signal=TERM --batch
warned=$task
wait_for 60 'the warned task on its way back to the queue' grep -q 'back to the queue' "$submission/$warned.log"
say "warned task $warned as before the time limit: it stopped at a checkpoint and went back to the queue"
only_the_killed_is_missing() { [[ $(submit --dry-run) == *' 1 to run in 1 tasks'* ]]; }
wait_for 300 'a queue without the killed task' only_the_killed_is_missing
say 'submitting again now would submit just the killed task: the others have a record or are in the queue'

ended() { [ -z "$(squeue --noheader)" ]; }
wait_for 1200 'the end of the array and of its report' ended
records() { find "$run/runs" -name '*.json' | wc -l; }
[ "$(records)" -eq 19 ] || fail "$(records) records after the first submission, not 19"
[ ! -e "$run/runs/$(cell_of "$killed").json" ] || fail "the killed task $killed has a record"
grep -q "missing: $(cell_of "$killed")" "$submission/report.log" || fail "$submission/report.log does not name the killed task's cell"
for task in "$requeued" "$warned"; do
    grep -q 'start 2: 1 of 1 cells' "$submission/$task.log" || fail "task $task did not start again: $(cat "$submission/$task.log")"
done
say 'first submission ended: 19 records; its report names the missing cell'

submit >"$scratch/submit.2"
cat "$scratch/submit.2"
grep -q '^20 cells: 19 with a record, 0 in the queue, 1 to run in 1 tasks' "$scratch/submit.2" || fail "the second submission is not of one cell"
wait_for 600 'the end of the second submission' ended
[ "$(records)" -eq 20 ] || fail "$(records) records after the second submission, not 20"
[ -s "$run/report.md" ] && [ -s "$run/index.html" ] || fail 'there is no report'
grep -q '20 of 20' "$run"/slurm/*/report.log || fail 'the report job does not find the run complete'
[ -z "$(find "$run/runs" "$run/checkpoints" -name '*.lease' -o -name '*.safetensors')" ] || fail 'leases or checkpoints are left'
say 'second submission of just that cell ended: 20 records, the report is complete'

# The same cells without disturbance, each with one thread and the same cache of features: equal to the last bit.
disturbed=("$(cell_of "$killed")" "$(cell_of "$requeued")" "$(cell_of "$warned")")
OMP_NUM_THREADS=1 DOTNET_PROCESSOR_COUNT=1 REPRO_CACHE="$scratch/the cache" dotnet "$root/Core.CSharp/bin/Release/net10.0/repro.dll" \
    run "${arguments[@]}" --out "$scratch/undisturbed" --cell "${disturbed[@]}" >/dev/null
for cell in "${disturbed[@]}"; do
    cmp "$run/runs/$cell.scores.csv" "$scratch/undisturbed/runs/$cell.scores.csv" || fail "$cell: the disturbed run gave other scores"
done
say 'the three disturbed cells have the scores of an undisturbed run, to the last bit'

{
    printf '# Slurm: 20 cells, one killed, one requeued, one warned of its time limit\n\n'
    printf 'Written by `tests/cluster/test-cluster.sh --record` on %s, commit %s, %s.\n\n' \
        "$(date -u +%F)" "$(git -C "$root" rev-parse --short HEAD)" "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)"
    printf 'hfae with the packaged ResNet-18 on two categories of Surfaces, 10 seeds, 60 epochs of the smoke profile; tasks of one core.\n\n```\n'
    cat "$scratch/steps"
    printf '```\n\n| task | first start | cell | seconds of the fit that counts | ended as |\n| --- | --- | --- | --- | --- |\n'
    for task in {1..20}; do
        case $task in
            "$killed") end='killed; run by the second submission' ;;
            "$requeued") end='requeued, finished at its second start' ;;
            "$warned") end='left a checkpoint, finished at its second start' ;;
            *) end=finished ;;
        esac
        printf '| %d | %s | `%s` | %s | %s |\n' "$task" "$(sed -n 's/^\[[^ ]* \([^]]*\)\].*, start 1:.*/\1/p' "$submission/$task.log")" \
            "$(cell_of "$task")" "$(sed -n 's/^ *"fit": \([0-9.]*\),$/\1/p' "$run/runs/$(cell_of "$task").json")" "$end"
    done
} >"$scratch/record.md"
say 'passed'

#!/usr/bin/env bash
# One task of the array that submit.sh submits: runs the cells of its line of SUBMISSION/tasks. Arguments: the checkout, SUBMISSION.
# On SIGTERM (the time limit is near, or the job is preempted) `repro run` leaves a checkpoint, and the task goes back to the queue.
set -uo pipefail
root=$1 submission=$2
mapfile -t arguments <"$submission/arguments"
read -ra cells < <(sed -n "${SLURM_ARRAY_TASK_ID}p" "$submission/tasks")

# A task that was requeued leaves out what it finished before, also under --force.
left=()
for cell in "${cells[@]}"; do
    [ "$submission/../../runs/$cell.json" -nt "$submission/tasks" ] || left+=("$cell")
done
printf '[%s] task %s on %s, start %d: %d of %d cells\n' \
    "$(date '+%F %T')" "$SLURM_ARRAY_TASK_ID" "$(hostname)" $((${SLURM_RESTART_COUNT:-0} + 1)) ${#left[@]} ${#cells[@]}
[ ${#left[@]} -gt 0 ] || exit 0

# The cores that the task was given, also where the cluster does not confine tasks to theirs.
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1} DOTNET_PROCESSOR_COUNT=${SLURM_CPUS_PER_TASK:-1} OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

stopped=''
dotnet "$root/Core.CSharp/bin/Release/net10.0/repro.dll" run "${arguments[@]}" --cell "${left[@]}" &
child=$!
trap 'stopped=1; kill -TERM "$child" 2>/dev/null' TERM
wait "$child"
code=$?
if [ -n "$stopped" ]; then
    # A trapped signal ends `wait` early; the second one gives the program's own exit code.
    wait "$child"
    code=$?
    # A job that scancel or requeue ends is no longer RUNNING; only one that is merely warned asks for another turn.
    if [ "$code" -ne 0 ] && [ "$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)" = RUNNING ]; then
        printf '[%s] stopped before the time limit; back to the queue\n' "$(date '+%F %T')"
        scontrol requeue "$SLURM_JOB_ID"
    fi
fi
exit "$code"

#!/usr/bin/env bash
# Points of a sweep as an array of jobs, without submitit: sbatch --array=0-7 scripts/slurm/array.sh sweeps/b
# Each job carries on one point. Two minutes before its time is over the run is saved and its job queued again; if a node fails, Slurm queues
# its jobs again. `pnnkern launch sweeps/b --executor slurm` does the same by submitit.
# Before many of them: one job that says `pnnkern warm`, so that they do not all compile.
#SBATCH --job-name=pnnkern
#SBATCH --time=01:00:00
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%A_%a.log
points=("${1:?the folder of a sweep}"/*/point.json)
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

srun --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" pnnkern advance "$(dirname "${points[$SLURM_ARRAY_TASK_ID]}")" --quiet
code=$?
if [ $code -eq 75 ]; then # saved, and to be gone on with
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $code

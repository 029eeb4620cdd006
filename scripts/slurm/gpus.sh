#!/usr/bin/env bash
# One run on many GPUs, a rank for each: sbatch --nodes=2 scripts/slurm/gpus.sh d2nn-mnist runs/a [--set ...]
# Ranks share the samples of each step and add what comes of them in the order of the samples: any number of ranks comes to the same bits.
#SBATCH --job-name=pnnkern
#SBATCH --time=04:00:00
#SBATCH --gpus-per-node=4
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --mem=64G
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.log
recipe=${1:?a recipe} out=${2:?a folder}

if [ -e "$out/config.toml" ]; then
    srun --kill-on-bad-exit=1 pnnkern resume "$out" --quiet
else
    srun --kill-on-bad-exit=1 pnnkern run "$recipe" --out "$out" --device cuda --quiet "${@:3}"
fi
code=$?
if [ $code -eq 75 ]; then # saved, and to be gone on with
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $code

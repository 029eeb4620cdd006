#!/usr/bin/env bash
# A run on one GPU, begun or gone on with: sbatch scripts/slurm/gpu.sh d2nn-mnist runs/a [--set training.epochs=5 ...]
# Before many of them: one job that says `pnnkern warm --device cuda`, so that they do not all compile.
#SBATCH --job-name=pnnkern
#SBATCH --time=04:00:00
#SBATCH --ntasks=1
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.log
recipe=${1:?a recipe} out=${2:?a folder}

if [ -e "$out/config.toml" ]; then
    srun pnnkern resume "$out" --quiet
else
    srun pnnkern run "$recipe" --out "$out" --device cuda --quiet "${@:3}"
fi
code=$?
if [ $code -eq 75 ]; then # saved, and to be gone on with
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $code

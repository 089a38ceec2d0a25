#!/bin/bash
# Encodes as an array of Slurm, a task per part, on a folder that all nodes see:
#
#   job=$(sbatch --parsable --array=0-63 slurm.sh)
#   sbatch --dependency=afterany:$job --wrap="latentflow merge codes"
#
# With another number of tasks: PARTS=1000 sbatch --array=0-999 slurm.sh. Where parts are missing, latentflow merge says
# which, as --array takes them: sbatch --array=3,17-20 slurm.sh
#
#SBATCH --job-name=encode
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=12:00:00

PARTS=${PARTS:-64}
DECODER=${DECODER:-decoder.safetensors}
DATA=${DATA:-samples.npy}
OUT=${OUT:-codes}

latentflow encode --decoder "$DECODER" --data "$DATA" --out "$OUT" \
  --part auto --parts "$PARTS" --threads "${SLURM_CPUS_PER_TASK:-1}" --quiet
code=$?

# Slurm requeues by itself after a preemption or the loss of a node. What was killed otherwise, for its memory say, comes
# here with 128 and the signal's number. A wrong option or file is 1 or 2, and would be wrong again.
if ((code > 128 && ${SLURM_RESTART_COUNT:-0} < 3)); then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $code

#!/bin/bash
# Encodes as an array of Slurm, a task per shard, on a folder that all nodes see:
#
#   job=$(sbatch --parsable --array=0-15 slurm.sh)
#   sbatch --dependency=afterany:$job --wrap="latentflow merge codes"
#
# With another number of tasks: SHARDS=64 sbatch --array=0-63 slurm.sh. Only those that are missing:
#
#   sbatch --array=$(latentflow status codes --shards 16 --json | jq -r .missingShards) slurm.sh
#
#SBATCH --job-name=encode
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=12:00:00

SHARDS=${SHARDS:-16}
DECODER=${DECODER:-decoder.safetensors}
DATA=${DATA:-samples.npy}
OUT=${OUT:-codes}
UNIT=${UNIT:-10000}

latentflow encode --decoder "$DECODER" --data "$DATA" --out "$OUT" --unit "$UNIT" \
  --shard auto --shards "$SHARDS" --threads "${SLURM_CPUS_PER_TASK:-1}" --quiet
code=$?

# Slurm requeues by itself after a preemption or the loss of a node. What was killed otherwise, for its memory say, comes
# here with 128 and the signal's number. A wrong option or file is 1 or 2, and would be wrong again.
if ((code > 128 && ${SLURM_RESTART_COUNT:-0} < 3)); then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $code

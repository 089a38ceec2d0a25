#!/bin/bash
# Encodes by GNU parallel, a process per shard and as many at a time as there are cores, and puts the parts together:
#
#   ./parallel.sh
#   SHARDS=64 JOBS=8 DATA=train.npy OUT=train-codes ./parallel.sh
#
# Started again after it was stopped or killed, it does the shards that the log does not have as done. The log is that of
# one run: remove it before another one with other data or another SHARDS.
set -euo pipefail

SHARDS=${SHARDS:-16}
JOBS=${JOBS:-100%}
DECODER=${DECODER:-decoder.safetensors}
DATA=${DATA:-samples.npy}
OUT=${OUT:-codes}
UNIT=${UNIT:-10000}

# -N0: a line of seq is a task, and no argument of it. --shard auto reads the task's number from $PARALLEL_SEQ.
seq "$SHARDS" | parallel -N0 --quote --jobs "$JOBS" --joblog "$OUT.joblog" --resume-failed --retries 4 \
  latentflow encode --decoder "$DECODER" --data "$DATA" --out "$OUT" --unit "$UNIT" \
  --shard auto --shards "$SHARDS" --threads 1 --quiet

latentflow merge "$OUT"

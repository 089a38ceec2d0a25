#!/bin/bash
# Encodes by GNU parallel, a process per part and as many at a time as there are cores, and puts the parts together:
#
#   ./parallel.sh
#   PARTS=1000 JOBS=8 DATA=train.npy OUT=train-codes ./parallel.sh
#
# Started again after it was stopped or killed, it does the parts that the log does not have as done. The log is that of
# one run: remove it before another one with other data or another PARTS.
set -euo pipefail

PARTS=${PARTS:-64}
JOBS=${JOBS:-100%}
DECODER=${DECODER:-decoder.safetensors}
DATA=${DATA:-samples.npy}
OUT=${OUT:-codes}

# -N0: a line of seq is a task, and no argument of it. --part auto reads the task's number from $PARALLEL_SEQ.
seq "$PARTS" | parallel -N0 --quote --jobs "$JOBS" --joblog "$OUT.joblog" --resume-failed --retries 4 \
  latentflow encode --decoder "$DECODER" --data "$DATA" --out "$OUT" \
  --part auto --parts "$PARTS" --threads 1 --quiet

latentflow merge "$OUT"

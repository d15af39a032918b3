#!/usr/bin/env bash
# Kills `moa profile` on the demo model with SIGKILL at random moments, again and again until it gets through: every trial
# must end with the influence files of an undisturbed run, byte for byte, and no temporary file of layers beside them.
# Usage: benchmarks/kill-profile.sh [KILLS] [PROFILE-OPTION …]
#   benchmarks/kill-profile.sh 20 --memory-limit 26MiB   # so little that layers go to a temporary file
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/killing.sh"
kills="${1:-20}"
shift || true
lengths=512,1024
"${moa[@]}" calibrate --quiet --items 4 --lengths "$lengths" --validation-items 1 --validate-length 1536 --out "$work/data" >/dev/null
profile=("${moa[@]}" profile --quiet --data "$work/data/calibration.jsonl" --lengths "$lengths" "$@")

run_undisturbed "${profile[@]}" --out "$work/reference"
echo "undisturbed: $whole s"
done=0 runs=0 wrong=0
while [ "$done" -lt "$kills" ]; do
  runs=$((runs + 1))
  mkdir -p "$work/run"
  while [ "$done" -lt "$kills" ] && run_and_kill "${profile[@]}" --out "$work/run"; do
    done=$((done + 1))
    echo "kill $done: after $moment s; there: $(ls "$work/run" | tr '\n' ' ')"
    if compgen -G "$work/run/layers.*" >/dev/null; then
      wrong=$((wrong + 1))
      echo "A TEMPORARY FILE OF LAYERS WAS LEFT"
    fi
  done
  "${profile[@]}" --out "$work/run" >/dev/null
  for length in ${lengths//,/ }; do
    if ! cmp "$work/reference/influence-$length.safetensors" "$work/run/influence-$length.safetensors"; then
      wrong=$((wrong + 1))
    fi
  done
  rm -rf "${work:?}/run"
done
echo "$done kills in $runs runs; $wrong files that should not be so"
[ "$wrong" -eq 0 ]

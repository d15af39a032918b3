#!/usr/bin/env bash
# Kills `moa compress` at random moments and runs it again: every trial must end with the plan of an undisturbed run.
# Usage: benchmarks/kill-and-resume.sh [TRIALS] [COMPRESS-OPTION …]
#   benchmarks/kill-and-resume.sh 10 --retrieval-items 0
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/killing.sh"
trials="${1:-10}"
shift || true
compress=("${moa[@]}" compress --quiet --json "$@")

run_undisturbed "${compress[@]}" --out "$work/reference"
echo "undisturbed: $whole s"
same=0
for trial in $(seq "$trials"); do
  how="killed after"
  run_and_kill "${compress[@]}" --out "$work/$trial" || how="through before"
  "${compress[@]}" --out "$work/$trial" >/dev/null
  if cmp -s "$work/reference/plan.json" "$work/$trial/plan.json"; then
    same=$((same + 1))
    echo "trial $trial: $how $moment s, same plan"
  else
    echo "trial $trial: $how $moment s, ANOTHER PLAN"
  fi
  rm -rf "${work:?}/$trial"
done
echo "$same of $trials trials gave the plan of the undisturbed run"
[ "$same" -eq "$trials" ]

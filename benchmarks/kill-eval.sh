#!/usr/bin/env bash
# Kills `moa eval retrieval` on the demo model with SIGKILL at random moments, again and again until it gets through: every trial
# must end with the folders of an undisturbed run, byte for byte: configurations, predictions, and metrics but for the time that
# they took, and no other file beside them (but for *.tmp, which a kill in the midst of a file leaves and nobody reads).
# Usage: benchmarks/kill-eval.sh [TRIALS] [EVAL-OPTION …]
#   benchmarks/kill-eval.sh 5 --policy all
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/killing.sh"
trials="${1:-3}"
shift || true
[ "$#" -gt 0 ] || set -- --policy all:density=0.5
eval=("${moa[@]}" eval retrieval --quiet --lengths 256,512 --items 23 "$@")

# The results of a folder as one text without times.
results() {
  (cd "$1" && find . -type f ! -name '*.tmp' | sort | while read -r file; do
    echo "== $file"
    case "$file" in
      */timing.jsonl) ;;
      */metrics.json) grep -vE '"(tokens|seconds|tokensPerSecond)":' "$file" ;;
      *) cat "$file" ;;
    esac
  done)
}

run_undisturbed "${eval[@]}" --out "$work/reference"
results "$work/reference" >"$work/reference.txt"
echo "undisturbed: $whole s, $(find "$work/reference" -name metrics.json | wc -l) results"
kills=0 wrong=0
for trial in $(seq "$trials"); do
  while run_and_kill "${eval[@]}" --out "$work/run"; do
    kills=$((kills + 1))
    predictions="$(cat "$work"/run/*/predictions.jsonl 2>/dev/null | wc -l)"
    echo "trial $trial: killed after $moment s; $predictions predictions, $(find "$work/run" -name metrics.json 2>/dev/null | wc -l) results"
  done
  results "$work/run" >"$work/run.txt"
  if ! cmp "$work/reference.txt" "$work/run.txt"; then
    wrong=$((wrong + 1))
  fi
  rm -rf "${work:?}/run"
done
echo "$kills kills in $trials trials; $wrong that ended otherwise"
[ "$kills" -gt 0 ] && [ "$wrong" -eq 0 ]

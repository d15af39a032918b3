#!/usr/bin/env bash
# Measures what number formats of weights and KV caches cost a model: mean cross-entropy of answers, and retrieval accuracy.
#   formats.sh [model options, such as --model PATH]
# Conversations are made once with the model as stored and scored under every format, so that only the format differs.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
moa="$root/moa"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"$moa" calibrate "$@" --quiet --lengths 512,1024 --validate-length 1536 --items 50 --out "$folder" >/dev/null

field() { sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p" | tail -1; }

measure() {
  local loss accuracy
  loss="$("$moa" score "${@:3}" --quiet --json --data "$folder/calibration.jsonl" --decode-from 256 | field meanCrossEntropy)"
  accuracy="$("$moa" eval retrieval "${@:3}" --quiet --json --lengths 1024 --policy dense --out "$folder/eval-$1-$2" | field accuracy)"
  printf '%-8s %-8s %12.4f %10.2f\n' "$1" "$2" "$loss" "$accuracy"
}

printf '%-8s %-8s %12s %10s\n' weights kv loss retrieval
for weights in f32 bf16 f16 q8_0 q6_k q5_k q5_1 q5_0 q4_k q4_1 q4_0 iq4_nl iq4_xs mxfp4 q3_k q2_k; do
  measure "$weights" bf16 "$@" --weights "$weights" --kv bf16
done
for kv in f32 q8_0; do
  measure bf16 "$kv" "$@" --weights bf16 --kv "$kv"
done

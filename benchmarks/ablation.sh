#!/usr/bin/env bash
# Predicted against measured loss for random plans, and what rules per head gain over rules per layer and one rule for all.
#   ablation.sh [--json] [options of the benchmark's ablation command, such as --plans N]
# The demo model; profiled on 50 conversations of 1024 tokens, measured on 50 others.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"$root/moa" calibrate --quiet --lengths 1024 --validate-length 1024 --validation-items 50 --out "$folder" >/dev/null
"$root/moa" profile --quiet --data "$folder/calibration.jsonl" --lengths 1024 --out "$folder" >/dev/null
dotnet run -c Release --project "$root/benchmarks/MoA.Benchmarks" -- ablation --model "$root/models/demo" --profile "$folder" \
  --data "$folder/validation.jsonl" "$@"

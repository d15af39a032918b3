#!/usr/bin/env bash
# The paper's central comparison on the demo model: retrieval accuracy over lengths and densities, of MoA and of every other policy.
# Profiles the model once, searches plans for each density, chooses one for its spans and one that is run by content, asks the same questions under all policies, shown before rows are chosen and hidden until
# then, and puts the results on one page with a leaderboard.
# Usage: benchmarks/central-comparison.sh [FOLDER [EVAL-OPTION …]]
#   benchmarks/central-comparison.sh central --items 10   # a first look
# Steps that were done in FOLDER (default: central-comparison) are not done again.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="${1:-central-comparison}"
shift || true
densities=(0.25 0.5 0.75)
moa() { "$root/moa" "$@"; }
moa --version >/dev/null # builds what is stale
SECONDS=0
mkdir -p "$folder"
cd "$folder" # files are named in the results as they are given here

moa calibrate --quiet --lengths 512,1024,2048 --items 100 --validate-length 1536 --out search >/dev/null
moa profile --quiet --data search/calibration.jsonl --lengths 512,1024,2048 --out search
plans=()
for density in "${densities[@]}"; do
  plan="moa-$density.json"
  if [ ! -e "$plan" ]; then
    moa optimize --quiet --profile search --lengths 512,1024,2048 --density "$density" --out "plans-$density"
    moa validate --quiet --plans "plans-$density" --data search/validation.jsonl --length 1536 --out "chosen-$density"
    moa validate --quiet --plans "plans-$density" --data search/validation.jsonl --length 1536 --scorer expected-attention --out "content-$density"
    cp "chosen-$density/plan.json" "$plan"
    cp "content-$density/plan.json" "content-$density.json"
  fi
  plans+=(--plan "$plan" --plan "content-$density.json")
done
echo "plans: $SECONDS s"
for question in shown hidden; do
  moa eval retrieval --lengths 512,1024,2048 --densities "$(IFS=,; echo "${densities[*]}")" --policy all:profile=search \
    "${plans[@]}" --question "$question" --out results "$@"
  echo "questions $question: $SECONDS s"
done
moa eval compare results --page compare.html
echo "in all: $SECONDS s"

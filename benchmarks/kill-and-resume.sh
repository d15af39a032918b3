#!/usr/bin/env bash
# Kills `moa compress` at random moments and runs it again: every trial must end with the plan of an undisturbed run.
# Usage: benchmarks/kill-and-resume.sh [TRIALS] [COMPRESS-OPTION …]
#   benchmarks/kill-and-resume.sh 10 --retrieval-items 0
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
trials="${1:-10}"
shift || true
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
program=(dotnet "$root/src/MoA.Cli/bin/Release/net10.0/moa.dll" compress --quiet --json)
dotnet build -c Release "$root/src/MoA.Cli" --nologo -v quiet >/dev/null

start=$SECONDS
"${program[@]}" --out "$work/reference" "$@" >/dev/null
whole=$((SECONDS - start))
echo "undisturbed: ${whole} s"
same=0
for trial in $(seq "$trials"); do
  moment="$(awk -v seed="$RANDOM" -v whole="$whole" 'BEGIN { srand(seed); printf "%.2f", 0.3 + rand() * whole * 0.95 }')"
  "${program[@]}" --out "$work/$trial" "$@" >/dev/null 2>&1 &
  victim=$!
  sleep "$moment"
  kill -9 "$victim" 2>/dev/null || true
  wait "$victim" 2>/dev/null || true
  "${program[@]}" --out "$work/$trial" "$@" >/dev/null
  if cmp -s "$work/reference/plan.json" "$work/$trial/plan.json"; then
    same=$((same + 1))
    echo "trial $trial: killed after $moment s, same plan"
  else
    echo "trial $trial: killed after $moment s, ANOTHER PLAN"
  fi
  rm -rf "${work:?}/$trial"
done
echo "$same of $trials trials gave the plan of the undisturbed run"
[ "$same" -eq "$trials" ]

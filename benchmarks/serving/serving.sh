#!/usr/bin/env bash
# Measures `moa serve` from outside, over HTTP; see README.md.
#   serving.sh CASE [--option value]...        cases: load, turn, kill, streams, prompt, overhead, conversations
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
"$root/moa" --version >/dev/null # builds what is stale
exec dotnet run -c Release --project "$root/benchmarks/serving" -- "$@" --moa "${MOA:-$root/moa}"

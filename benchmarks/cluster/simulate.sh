#!/usr/bin/env bash
# Simulates a cluster with measured costs, or measures them; see simulation/README.md.
#   simulate.sh CASE [--option value]...        cases: serving, search, size, measure
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
simulation=(dotnet run -c Release --project "$root/benchmarks/cluster/simulation" --)
if [ "${1-}" != measure ]; then
  exec "${simulation[@]}" "$@"
fi
"$root/moa" --version >/dev/null # builds what is stale
source "$root/benchmarks/cluster/members.sh"
moa=("$root/moa")
start_postgres
"${simulation[@]}" "$@" --cluster "$cluster"

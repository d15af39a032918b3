#!/usr/bin/env bash
# Simulates a cluster with measured costs; see simulation/README.md.
#   simulate.sh CASE [--option value]...
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
exec dotnet run -c Release --project "$root/benchmarks/cluster/simulation" -- "$@"

#!/usr/bin/env bash
# Compares MoA for .NET with llama.cpp on this machine; README.md beside this file says what and how.
#   compare.sh [--quick] [--json] [--threads N,N,…] [--alternations N] [--peer node|llamasharp|all] [--case TEXT]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
for tool in node npm dotnet; do
  command -v "$tool" >/dev/null || { echo "compare.sh: $tool is missing: install it first" >&2; exit 2; }
done
"$here/../../moa" --version >/dev/null # builds what is stale
exec node "$here/compare.mjs" "$@"

#!/usr/bin/env bash
# Compares MoA for .NET with llama.cpp on this machine; README.md beside this file says what and how.
#   compare.sh [--quick] [--json] [--threads N] [--alternations N] [--case TEXT]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
for tool in node npm dotnet; do
  command -v "$tool" >/dev/null || { echo "compare.sh: $tool is missing: install it first" >&2; exit 2; }
done
# The prebuilt library needs no install script.
if [ ! -f "$here/node_modules/.package-lock.json" ] || [ "$here/package-lock.json" -nt "$here/node_modules/.package-lock.json" ]; then
  npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund --loglevel error >&2
fi
"$here/../../moa" --version >/dev/null # builds what is stale
exec node "$here/compare.mjs" "$@"

#!/usr/bin/env bash
# Makes the PTX of the kernels in this folder, which the assembly holds, with clang 19 alone: no CUDA toolkit is needed.
#   build.sh                  writes product.ptx and the others beside their sources
#   build.sh --check          fails where a PTX is not what its source gives
#   build.sh --emulated FILE  makes a library of the same sources that runs on the processor, for the tests; with any compiler
# Exit code 3: there is no compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

compiler() { # NAME...
  for name in "$@"; do
    if command -v "$name"; then return; fi
  done
  echo "No C++ compiler for the kernels in src/MoA.Gpu/Cuda, sought as $*: apt-get install clang-19" >&2
  exit 3
}

ptx() { # SOURCE FILE
  "$clang" -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch=sm_80 -Xclang -target-feature -Xclang +ptx80 \
    -std=c++17 -O3 -Wall -Werror -I . -S "$1" -o "$2"
}

case "${1:-}" in
  "" | --check)
    clang="$(compiler clang++-19)"
    made="$(mktemp)"
    trap 'rm -f "$made"' EXIT
    status=0
    for source in *.cu; do
      ptx "$source" "$made"
      if cmp -s "$made" "${source%.cu}.ptx"; then continue; fi
      if [ -z "${1:-}" ]; then
        cp "$made" "${source%.cu}.ptx"
      else
        echo "${source%.cu}.ptx is not what $source gives: run src/MoA.Gpu/Cuda/build.sh" >&2
        status=1
      fi
    done
    exit "$status"
    ;;
  --emulated)
    tests=../../../tests/MoA.Gpu.Tests/Cuda
    host="$(compiler clang++-19 g++ clang++)"
    "$host" -std=c++17 -O2 -fPIC -shared -Wall -Wno-unknown-pragmas -Wno-unused-function \
      -I "$tests" -iquote . "$tests"/*.cpp -o "$2"
    ;;
  *)
    echo "usage: build.sh [--check | --emulated FILE]" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# Everything that is to be learnt on a GPU, in one folder that needs neither .NET nor the repository.
#   run.sh pack FOLDER                 here: makes the folder (below 40 MiB), run.sh within it
#   FOLDER/run.sh [OUT]                on the machine with the GPU: OUT/results.json, OUT/peers.json, OUT/table.md
#     --budget-seconds N               all of it together (default: 540)
#     --emulated                       a tiny version of it on the processor, without peers
#     --no-peers                       without PyTorch
# Exit code: 0 if everything that was compared is equal, 1 if not, 2 if there is no such device or an argument cannot be used.
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
limit_mib=40

refuse() { echo "run.sh: $1" >&2; exit 2; }

pack() {
  local folder="${1:?run.sh pack: a folder is missing}" root
  root="$(cd "$here/../.." && pwd)"
  [ -f "$root/MoA.slnx" ] || refuse "pack: $root is not the repository"
  [ ! -e "$folder" ] || [ -z "$(ls -A "$folder")" ] || refuse "pack: $folder is not empty"
  mkdir -p "$folder/data/models" "$folder/data/cache" "$folder/data/plans" || exit 2
  folder="$(cd "$folder" && pwd)"
  local built; built="$(mktemp -d)"
  # Expanded now: the variable is gone when the shell ends.
  # shellcheck disable=SC2064
  trap "rm -rf '$built'" EXIT
  dotnet publish -c Release -r linux-x64 --nologo -v quiet -o "$built" "$root/benchmarks/MoA.Gpu.Benchmarks" >&2 || { echo "run.sh: the program cannot be published" >&2; exit 1; }
  cp "$built/MoA.Gpu.Benchmarks" "$folder/moa-card"
  cp "$here/run.sh" "$here/README.md" "$root/LICENSE" "$folder/"
  cp "$here"/peers*.py "$folder/" && rm -f "$folder/peers_test.py"
  cp -r "$root"/tests/fixtures/models/*/ "$folder/data/models/"
  cp "$root"/tests/fixtures/cache/generation.* "$folder/data/cache/"
  cp "$root"/tests/fixtures/plans/lmsys--vicuna-7b-v1.5-16k.moa.json "$root"/tests/fixtures/plans/LICENSE-MoA.txt "$folder/data/plans/"
  cp -r "$root/models/demo" "$folder/data/demo"
  local kib; kib="$(du -sk "$folder" | cut -f1)"
  [ "$kib" -lt $((limit_mib * 1024)) ] || { echo "run.sh: $folder has $((kib / 1024)) MiB; below $limit_mib MiB is asked for" >&2; exit 1; }
  echo "$folder: $((kib / 1024)) MiB"
}

if [ "${1:-}" = pack ]; then
  [ $# -eq 2 ] || refuse "pack: expected one folder"
  pack "$2"
  exit
fi

out="" budget=540 device=cuda peers=yes
while [ $# -gt 0 ]; do
  case "$1" in
    --emulated) device=emulated:4 peers=no ;;
    --no-peers) peers=no ;;
    --budget-seconds)
      [ $# -ge 2 ] && [[ "$2" =~ ^[1-9][0-9]*$ ]] || refuse "--budget-seconds: expected a whole number above 0"
      budget="$2"
      shift
      ;;
    -*) refuse "$1: expected --budget-seconds N, --emulated or --no-peers" ;;
    *)
      [ -z "$out" ] || refuse "$1: expected one folder for the results"
      out="$1"
      ;;
  esac
  shift
done
out="${out:-out}"
[ -x "$here/moa-card" ] || refuse "$here/moa-card is missing; make the folder with 'run.sh pack FOLDER'"
mkdir -p "$out" || exit 2
rm -f "$out"/results*.json "$out"/*.log "$out/peers.json" "$out/table.md"
# What the driver compiles is kept from process to process, and goes at the end.
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export CUDA_CACHE_PATH="$scratch/cuda" CUDA_CACHE_MAXSIZE=1073741824 DOTNET_BUNDLE_EXTRACT_BASE_DIR="$scratch/runtime" TMPDIR="$scratch"

begin=$SECONDS
python=""
if [ "$peers" = yes ]; then
  for candidate in "${PYTHON:-}" python3 python; do
    if [ -n "$candidate" ] && "$candidate" -c "import torch" >/dev/null 2>&1; then python="$candidate"; break; fi
  done
  [ -n "$python" ] || echo "run.sh: no Python with PyTorch here: the peers are left out" >&2
fi

# The GPU is not shared: first ours, part by part, then the peers in what is left. A part is a process of its own, so that a fault
# on the device costs no other part; what a part leaves of its time goes to those after it.
ours=$budget
[ -n "$python" ] && ours=$((budget * 68 / 100))
parts=(equality:27 limits:10 protocol:28 long:10 profile:12 formats:7 prompts:6)
status=0
for ((i = 0; i < ${#parts[@]}; i++)); do
  part="${parts[i]%:*}" sum=0
  for rest in "${parts[@]:i}"; do sum=$((sum + ${rest#*:})); done
  share=$(((ours - (SECONDS - begin)) * ${parts[i]#*:} / sum))
  if [ "$share" -lt 3 ]; then
    echo "run.sh: no time is left for $part" >&2
    [ "$part" != equality ] || status=1
    continue
  fi
  echo "run.sh: $part, $share s" >&2
  # Its own clock ends it in time; the signal is for a kernel that hangs.
  timeout --signal=KILL "$((share + 15))" "$here/moa-card" --part "$part" --device "$device" --out "$out" --data "$here/data" --budget-seconds "$share" \
    >"$out/$part.log" 2>&1
  ended=$?
  if [ "$ended" -eq 2 ]; then
    tail -n 1 "$out/$part.log" >&2
    status=2
    break
  fi
  [ "$ended" -eq 0 ] || [ "$ended" -eq 1 ] || echo "run.sh: $part ended with $ended; $out/results-$part.json has what it measured" >&2
  [ "$part" != equality ] || [ "$ended" -eq 0 ] || status=1
done

left=$((budget - (SECONDS - begin) - 8))
if [ "$status" -ne 2 ] && [ -n "$python" ]; then
  if [ "$left" -ge 20 ]; then
    timeout --signal=INT --kill-after=5 "$((left + 5))" "$python" "$here/peers.py" --out "$out/peers.json" --budget-seconds "$left" >"$out/peers.log" 2>&1 \
      || echo "run.sh: peers.py ended with $?; see $out/peers.log" >&2
  else
    echo "run.sh: no time is left for the peers" >&2
  fi
fi

if "$here/moa-card" --join --out "$out" >"$out/join.log" 2>&1; then
  cat "$out/table.md"
else
  tail -n 1 "$out/join.log" >&2
fi
echo "run.sh: $((SECONDS - begin)) s; $out/table.md" >&2
exit "$status"

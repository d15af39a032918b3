#!/usr/bin/env bash
# Searches with four members on this machine and a PostgreSQL of the script's own, and compares with a search of one process: the plan and the
# bytes of every influence must be the same. Then members are killed with SIGKILL at random moments (20 in all), and the coordinator (10 times),
# until each search has ended.
# Usage: benchmarks/cluster/search.sh [--members N] [--member-kills N] [--coordinator-kills N] [-- COMPRESS-OPTION …]
#   benchmarks/cluster/search.sh -- --retrieval-items 40
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/members.sh"
members=4 member_kills=20 coordinator_kills=10
while [ $# -gt 0 ]; do
  case "$1" in
    --members) members="$2"; shift 2 ;;
    --member-kills) member_kills="$2"; shift 2 ;;
    --coordinator-kills) coordinator_kills="$2"; shift 2 ;;
    --) shift; break ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
done
dotnet build -c Release "$root/src/MoA.Cli" --nologo -v quiet >/dev/null
options=("$@")
started=0 killed=0 coordinators=0

now() { date +%s.%N; }
since() { awk -v start="$1" -v end="$(now)" 'BEGIN { printf "%.1f", end - start }'; }
between() { awk -v low="$1" -v high="$2" -v seed="$RANDOM$RANDOM" 'BEGIN { srand(seed); printf "%.2f", low + rand() * (high - low) }'; }

new_member() {
  started=$((started + 1))
  start_member "m$started" worker --threads 1
}

# Takes the place of the shell that calls it, so that a signal to that reaches it.
compress() {
  exec "${moa[@]}" compress --quiet --cluster "$cluster" --out "$1" "${options[@]}"
}

compare() {
  local file same=yes
  for file in plan.json $(cd "$work/one" && ls influence-*.safetensors calibration.jsonl validation.jsonl); do
    cmp -s "$work/one/$file" "$1/$file" || { echo "$file is another"; same=no; }
  done
  [ "$same" = yes ] || { echo "$2: NOT THE SAME"; exit 1; }
  echo "$2: the same plan, influence, calibration and validation, byte for byte"
}

start="$(now)"
"${moa[@]}" compress --quiet --out "$work/one" "${options[@]}" >/dev/null
whole="$(since "$start")"
echo "one process: $whole s"

start_postgres
for each in $(seq "$members"); do new_member; done
wait_for_members "$members"
start="$(now)"
(compress "$work/all" >/dev/null)
echo "$members members: $(since "$start") s (they share this machine's $(nproc) processors)"
compare "$work/all" "$members members"

# Members are killed and others started in their place until enough were; the search begins anew as often as that takes.
run=0
while [ "$killed" -lt "$member_kills" ] || [ "$coordinators" -lt "$coordinator_kills" ]; do
  run=$((run + 1))
  before_members=$killed before_coordinators=$coordinators
  ended=no
  while [ "$ended" = no ]; do
    compress "$work/run$run" >"$work/coordinator.out" 2>"$work/coordinator.log" &
    coordinator=$!
    while kill -0 "$coordinator" 2>/dev/null; do
      sleep "$(between 0.5 "$(awk -v whole="$whole" 'BEGIN { print whole / 4 + 2 }')")"
      kill -0 "$coordinator" 2>/dev/null || break
      if [ "$coordinators" -lt "$coordinator_kills" ] && { [ $((RANDOM % 3)) = 0 ] || [ "$killed" -ge "$member_kills" ]; }; then
        kill -9 "$coordinator" 2>/dev/null && coordinators=$((coordinators + 1))
        break
      elif [ "$killed" -lt "$member_kills" ]; then
        names=("${!member[@]}")
        kill_member "${names[$((RANDOM % ${#names[@]}))]}"
        killed=$((killed + 1))
        new_member
      fi
    done
    status=0
    wait "$coordinator" 2>/dev/null || status=$?
    case "$status" in
      0) ended=yes ;;
      137) ;;
      *) echo "the coordinator failed of itself (exit code $status):" >&2; cat "$work/coordinator.log" >&2; exit 1 ;;
    esac
  done
  compare "$work/run$run" "search $run, $((killed - before_members)) members and $((coordinators - before_coordinators)) coordinators killed"
  rm -rf "$work/run$run"
done
echo "killed in all: $killed members, $coordinators coordinators; $run searches, each with the result of one process"

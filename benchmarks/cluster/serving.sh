#!/usr/bin/env bash
# Serves conversations on members on this machine, with a PostgreSQL of the script's own, and compares every text with that of one server.
#   kills     members are killed with SIGKILL, others start in their place, one more joins
#   restart   all members are restarted, one after the other, by SIGTERM: no request may fail
#   database  PostgreSQL is away for 30 seconds: streams go on
# Usage: benchmarks/cluster/serving.sh [kills|restart|database …] [-- --conversations N --turns N --think SECONDS --new N]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/members.sh"
cases=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do cases+=("$1"); shift; done
[ $# -eq 0 ] || shift
[ "${#cases[@]}" -gt 0 ] || cases=(kills restart database)
options=("$@")
kills=6 between=9
dotnet build -c Release "$root/src/MoA.Cli" --nologo -v quiet >/dev/null
dotnet build -c Release "$root/benchmarks/serving" --nologo -v quiet >/dev/null
load=(dotnet "$root/benchmarks/serving/bin/Release/net10.0/MoA.Serving.Benchmarks.dll" conversations)
serve=(serve --kv-memory 256MiB --threads 1 --kv f32)
declare -A address=()
next=0

# new_server: starts a member that serves; the file of addresses names it once it is ready.
new_server() {
  local name="s$next" port
  next=$((next + 1))
  port="$(free_port)"
  address[$name]="http://127.0.0.1:$port"
  start_member "$name" "${serve[@]}" --port "$port"
  last="$name"
}

# write_addresses: all servers that were not killed.
write_addresses() {
  local name
  for name in "${!member[@]}"; do [ -z "${address[$name]:-}" ] || echo "${address[$name]}"; done >"$work/urls.new"
  mv "$work/urls.new" "$work/urls"
}

wait_ready() {
  local tries
  for tries in $(seq 240); do
    ! curl -sf -o "$work/ready" "${address[$1]}/ready" || return 0
    sleep 0.25
  done
  echo "$1 is not ready:" >&2
  tail -n 5 "$work/$1.log" >&2
  return 1
}

begin_load() {
  "${load[@]}" --urls "$work/urls" --expect "$work/alone.txt" "${options[@]}" "$@" >"$work/table" &
  loading=$!
}

end_load() {
  local status=0
  wait "$loading" || status=$?
  cat "$work/table"
  echo "| log: requests that went on at another member | $(cat "$work"/s*.log | grep -c "another member goes on" || true) |"
  echo "| log: tokens read again by members | $(cat "$work"/s*.log | grep -o "[0-9]* tokens of a conversation are read again" | awk '{ n += $1 } END { print n + 0 }') |"
  [ "$status" = 0 ] || { echo "$1: FAILED"; tail -n 3 "$work"/s*.log; exit 1; }
}

fresh_cluster() {
  local name
  for name in "${!member[@]}"; do kill_member "$name"; done
  address=()
  rm -f "$work"/s*.log
  start_postgres_anew
  new_server; wait_ready "$last"
  new_server; new_server
  for name in "${!member[@]}"; do wait_ready "$name"; done
  wait_for_members 3
  write_addresses
}

start_postgres_anew() {
  if [ -n "${database:-}" ]; then stop_postgres 2>/dev/null || true; rm -rf "$database"; fi
  start_postgres
}

echo "One server:"
"${moa[@]}" "${serve[@]}" --port "$(free_port)" >"$work/alone.url" 2>"$work/alone.log" &
member[alone]=$!
for tries in $(seq 240); do [ ! -s "$work/alone.url" ] || break; sleep 0.25; done
cp "$work/alone.url" "$work/urls"
"${load[@]}" --urls "$work/urls" --out "$work/alone.txt" "${options[@]}" --think 1
kill_member alone

for case in "${cases[@]}"; do
  fresh_cluster
  case "$case" in
    kills)
      echo "Three members, of which one is killed $kills times, each time another starts; then a fourth joins:"
      killed=0
      begin_load
      for each in $(seq "$kills"); do
        sleep "$between"
        kill -0 "$loading" 2>/dev/null || break
        victims=("${!member[@]}")
        victim="${victims[RANDOM % ${#victims[@]}]}"
        kill_member "$victim" 2>/dev/null
        killed=$((killed + 1))
        new_server; write_addresses
        [ "$each" != "$((kills / 2))" ] || { new_server; write_addresses; }
      done
      echo "| killed | $killed members |"
      end_load kills
      ;;
    restart)
      echo "Three members, all restarted one after the other:"
      begin_load --retries no
      for name in $(printf '%s\n' "${!member[@]}" | sort); do
        sleep 3
        new_server; wait_ready "$last"; write_addresses
        kill -TERM "${member[$name]}"
        code=0; wait "${member[$name]}" || code=$?
        unset "member[$name]"
        write_addresses
        [ "$code" = 0 ] || [ "$code" = 130 ] || [ "$code" = 143 ] || { echo "$name ended with $code"; tail -n 3 "$work/$name.log"; exit 1; }
      done
      kill -0 "$loading" 2>/dev/null || echo "(the load ended before the last restart; take more conversations or a longer --think)"
      end_load restart
      ;;
    database)
      echo "Three members, PostgreSQL away for 30 seconds:"
      begin_load
      sleep 5
      stop_postgres
      sleep 30
      go_on_postgres
      end_load database
      ;;
    *) echo "unknown case $case" >&2; exit 2 ;;
  esac
done

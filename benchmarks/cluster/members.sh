# What the scripts that run a cluster on this machine share; they source it. It needs PostgreSQL (Debian: apt-get install postgresql).

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
work="$(mktemp -d)"
moa=(dotnet "$root/src/MoA.Cli/bin/Release/net10.0/moa.dll")
programs="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)"
[ -n "$programs" ] || { echo "PostgreSQL is missing: apt-get install postgresql" >&2; exit 1; }
declare -A member=() # process of each member, by name
trap 'end_all' EXIT

# The server refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

end_all() {
  for process in "${member[@]}"; do kill -9 "$process" 2>/dev/null || true; done
  stop_postgres 2>/dev/null || true
  rm -rf "$work"
}

# start_postgres: a server of the script's own; sets `cluster`, the connection of an empty database that is set up.
start_postgres() {
  database="$work/postgres"
  postgres_port="$(free_port)"
  mkdir -p "$database"
  chmod 711 "$work"
  [ "$(id -u)" != 0 ] || chown postgres "$database"
  as_postgres "$programs/initdb" -D "$database/data" -A trust -U moa -E UTF8 --no-sync >/dev/null
  go_on_postgres
  as_postgres "$programs/createdb" -h 127.0.0.1 -p "$postgres_port" -U moa moa
  cluster="postgresql://moa@127.0.0.1:$postgres_port/moa"
  "${moa[@]}" cluster setup --cluster "$cluster" >/dev/null
}

# go_on_postgres, stop_postgres: the server is started again, or stopped at once.
go_on_postgres() {
  as_postgres "$programs/pg_ctl" -D "$database/data" -w -l "$database/log" -o "-p $postgres_port -c listen_addresses=127.0.0.1 -k $database" start >/dev/null
}

stop_postgres() {
  as_postgres "$programs/pg_ctl" -D "$database/data" -w -m immediate stop >/dev/null
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# start_member NAME COMMAND …: starts `moa COMMAND …` as a member and does not wait; its messages go to $work/NAME.log.
start_member() {
  local name="$1"
  shift
  "${moa[@]}" "$@" --name "$name" --cluster "$cluster" >"$work/$name.out" 2>"$work/$name.log" &
  member[$name]=$!
}

# wait_for_members COUNT: waits until so many are there.
wait_for_members() {
  local tries
  for tries in $(seq 120); do
    [ "$("${moa[@]}" cluster status --cluster "$cluster" --json 2>/dev/null | grep -c '"address"')" -ge "$1" ] && return 0
    sleep 0.5
  done
  echo "only these members came:" >&2
  tail -n 3 "$work"/*.log >&2
  return 1
}

# kill_member NAME: at once, with SIGKILL.
kill_member() {
  kill -9 "${member[$1]}" 2>/dev/null || true
  wait "${member[$1]}" 2>/dev/null || true
  unset "member[$1]"
}

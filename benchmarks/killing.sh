# What the scripts that kill a command at random moments share; they source it.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
moa=(dotnet "$root/src/MoA.Cli/bin/Release/net10.0/moa.dll")
dotnet build -c Release "$root/src/MoA.Cli" --nologo -v quiet >/dev/null

# run_undisturbed COMMAND …: runs it and sets `whole`, the seconds that it took.
run_undisturbed() {
  local start
  start="$(date +%s.%N)"
  "$@" >/dev/null
  whole="$(awk -v start="$start" -v end="$(date +%s.%N)" 'BEGIN { print end - start }')"
}

# run_and_kill COMMAND …: kills it with SIGKILL at a random `moment` of the time that it takes undisturbed. Fails where it
# was through before.
run_and_kill() {
  moment="$(awk -v seed="$RANDOM" -v whole="$whole" 'BEGIN { srand(seed); printf "%.2f", 0.2 + rand() * whole }')"
  "$@" >/dev/null 2>&1 &
  local victim=$! status=0
  sleep "$moment"
  kill -9 "$victim" 2>/dev/null || true
  wait "$victim" 2>/dev/null || status=$?
  case "$status" in
    137) return 0 ;;
    0) return 1 ;;
  esac
  echo "it failed of itself (exit code $status): $*" >&2
  exit 1
}

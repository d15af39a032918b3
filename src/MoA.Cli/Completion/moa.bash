# Completes words of moa in bash: asks the program what may stand at the cursor, and offers files where it knows nothing.
_moa() {
  local line="${COMP_LINE:0:COMP_POINT}" word IFS=$'\n'
  word="${line##*[[:space:]]}"
  line="${line#"${COMP_WORDS[0]}"}"
  line="${line# }"
  COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)" -- "$word"))
}
complete -o default -F _moa moa

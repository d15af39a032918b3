# Completes words of moa in zsh: asks the program what may stand at the cursor, and offers files where it knows nothing.
_moa() {
  local line="${(j: :)words[2,CURRENT]}"
  local -a found
  found=("${(@f)$(${words[1]} "[suggest:${#line}]" "$line" 2>/dev/null)}")
  found=("${(@)found:#}")
  compadd -a found || _files
}
compdef _moa moa

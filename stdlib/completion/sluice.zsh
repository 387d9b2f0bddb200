#compdef sluice
# zsh completion for sluice; `sluice completion zsh` prints it.
_sluice() {
  local line word pattern before
  local -a found open
  for line in "${(@f)$(_call_program words ${(q)words[1]} completion words -- ${(q)words[2,CURRENT]} 2>/dev/null)}"; do
    word=${line%%$'\t'*}
    if [[ -n $word && $word == *= ]]; then
      open+=("${word//:/\\:}:${line#*$'\t'}")
    elif [[ -n $word ]]; then
      found+=("${word//:/\\:}:${line#*$'\t'}")
    elif [[ -n $line ]]; then
      pattern=${${line#$'\t'}%%$'\t'*} before=${line##*$'\t'}
      [[ -n $before ]] && compset -P "${(b)before}"
      _files -g "$pattern"
    fi
  done
  (( $#open )) && _describe -t arguments argument open -S ''
  (( $#found )) && _describe -t words word found
  return 0
}

if [[ $funcstack[1] == _sluice ]]; then _sluice "$@"; else compdef _sluice sluice; fi

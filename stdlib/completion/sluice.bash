# bash completion for sluice; `sluice completion bash` prints it.
_sluice() {
  local word line_of_words line=${COMP_LINE:0:COMP_POINT} pattern before
  COMPREPLY=()
  # bash takes words apart at = and : (COMP_WORDBREAKS); what it does not see of the word is cut off the candidates.
  local whole=${line##*[[:space:]]} head=
  [[ $COMP_WORDBREAKS == *=* && $whole == *=* ]] && head=${whole%"${whole##*=}"}
  [[ $COMP_WORDBREAKS == *:* && ${whole#"$head"} == *:* ]] && head=$whole && head=${whole%"${whole##*:}"}
  while IFS= read -r line_of_words; do
    word=${line_of_words%%$'\t'*}
    if [[ -n $word ]]; then
      COMPREPLY+=("${word#"$head"}")
    else
      IFS=$'\t' read -r pattern before <<<"${line_of_words#$'\t'}"
      _sluice_files "${whole#"$before"}" "$pattern" "${before#"$head"}"
    fi
  done < <("${COMP_WORDS[0]/#\~\//$HOME/}" completion line -- "$line" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then compopt -o nospace; fi
}

# Names of files, and of the folders on the way to them.
_sluice_files() {
  local name
  compopt -o filenames 2>/dev/null
  while IFS= read -r name; do
    if [[ -d $name || $2 == '*' || $name == $2 ]]; then COMPREPLY+=("$3$name"); fi
  done < <(compgen -f -- "$1")
}

complete -F _sluice sluice

# SPDX-License-Identifier: Apache-2.0
# Completion for bash: verbs and options from `holdpoint help`, ids from the daemon. A new verb needs nothing here.
_holdpoint_ids() {
  case $1 in
    approve | deny) holdpoint requests --json | grep -o '"r-[0-9]*"' ;;
    show) holdpoint requests --all --json | grep -o '"r-[0-9]*"' ;;
    revoke) holdpoint grants --json | grep -o '"g-[0-9]*"' ;;
    untag) holdpoint sessions --json | grep -oE '"id": *[0-9]+' | grep -oE '[0-9]+' ;;
    mode) holdpoint mode --json | grep -oE '"(agent|rule)": *"[^"]*"' | sed 's/.*: *//'; printf '%s\n' observe enforce policy ;;
    help) holdpoint help | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p' ;;
  esac 2> /dev/null | tr -d '"' | sort -u
}

_holdpoint() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]-} words=
  if ((COMP_CWORD == 1)); then
    words="$(_holdpoint_ids help) help"
  elif [[ $before == --scope ]]; then
    words="once session duration"
  elif [[ $before == --mode ]]; then
    words="observe enforce"
  elif [[ $before == --session ]]; then
    words=$(_holdpoint_ids untag)
  elif [[ $before == --request ]]; then
    words=$(_holdpoint_ids show)
  elif [[ $word == -* ]]; then
    words=$(holdpoint help "$verb" 2> /dev/null | sed -n 's/^  \(--[a-z-]\{1,\}\).*/\1/p')
  else
    words=$(_holdpoint_ids "$verb")
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _holdpoint holdpoint

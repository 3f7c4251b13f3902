#compdef holdpoint
# SPDX-License-Identifier: Apache-2.0
# Completion for zsh: verbs and options from `holdpoint help`, ids from the daemon. A new verb needs nothing here.
_holdpoint_ids() {
  case $1 in
    (approve|deny) holdpoint requests --json | grep -o '"r-[0-9]*"' ;;
    (show) holdpoint requests --all --json | grep -o '"r-[0-9]*"' ;;
    (revoke) holdpoint grants --json | grep -o '"g-[0-9]*"' ;;
    (untag) holdpoint sessions --json | grep -oE '"id": *[0-9]+' | grep -oE '[0-9]+' ;;
    (mode) holdpoint mode --json | grep -oE '"(agent|rule)": *"[^"]*"' | sed 's/.*: *//'; print -l observe enforce policy ;;
    (help) holdpoint help | sed -n 's/^  \([a-z]\{1,\}\) \{1,\}\(.*\)/\1:\2/p' ;;
  esac 2> /dev/null | tr -d '"' | sort -u
}

_holdpoint() {
  local verb=${words[2]} before=${words[CURRENT-1]}
  local -a found
  if (( CURRENT == 2 )); then
    found=(${(f)"$(_holdpoint_ids help)"} 'help:say how a verb is used')
  elif [[ $before == --scope ]]; then
    found=(once session duration)
  elif [[ $before == --mode ]]; then
    found=(observe enforce)
  elif [[ $before == --session ]]; then
    found=(${(f)"$(_holdpoint_ids untag)"})
  elif [[ $before == --request ]]; then
    found=(${(f)"$(_holdpoint_ids show)"})
  elif [[ $PREFIX == -* ]]; then
    found=(${(f)"$(holdpoint help $verb 2> /dev/null |
      sed -n 's/^  \(--[a-z-]\{1,\}\)\( [A-Z=]\{1,\}\)\{0,1\} \{1,\}\(.*\)/\1:\3/p')"})
  else
    found=(${(f)"$(_holdpoint_ids $verb)"})
  fi
  if (( $#found )); then
    _describe holdpoint found
  else
    _default
  fi
}
_holdpoint "$@"

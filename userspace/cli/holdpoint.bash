# SPDX-License-Identifier: Apache-2.0
# Completion for bash: verbs and options from `holdpoint help`, request ids from the daemon.
_holdpoint() {
  local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]-} words=
  if ((COMP_CWORD == 1)); then
    words="$(holdpoint help 2>/dev/null | sed -n 's/^  \([a-z]\+\) .*/\1/p') help"
  elif [[ $word == -* ]]; then
    words=$(holdpoint help "$verb" 2>/dev/null | sed -n 's/^  \(--[a-z]\+\).*/\1/p')
  elif [[ $verb == approve || $verb == deny ]]; then
    words=$(holdpoint requests 2>/dev/null | sed -n 's/^\(r-[0-9]\+\) .*/\1/p')
  elif [[ $verb == show ]]; then
    words=$(holdpoint requests --all 2>/dev/null | sed -n 's/^\(r-[0-9]\+\) .*/\1/p')
  elif [[ $verb == revoke ]]; then
    words=$(holdpoint grants 2>/dev/null | sed -n 's/^\(g-[0-9]\+\) .*/\1/p')
  elif [[ $verb == untag ]]; then
    words=$(holdpoint sessions 2>/dev/null | sed -n 's/^\([0-9]\+\) .*/\1/p')
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _holdpoint holdpoint

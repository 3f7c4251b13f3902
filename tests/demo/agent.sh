# SPDX-License-Identifier: Apache-2.0
# The agent: ordinary programs that know nothing of Holdpoint. Runs in the workspace, with HOME and PATH of the demo;
# TICKET is the address of a page on the demo's web server, KEY a private key.

# Shows a command as one would type it, runs it, and says how it ended if that was not well.
try() {
  local word line='$'
  for word in "$@"; do
    case $word in
      *\'*) line+=" \"$word\"" ;;
      *[!A-Za-z0-9_./:=,-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '%s\n' "$line"
  "$@"
  local status=$?
  [ "$status" -eq 0 ] || printf '(exit status %s)\n' "$status"
}

# What a bug fix takes.
try git init --quiet
try git add .
try git commit --quiet --message 'Login as it was'
try curl --silent --show-error "$TICKET"
try python3 check.py
try sed --in-place 's/name in USERS/name.lower() in USERS/' login.py
try python3 check.py
try git commit --quiet --all --message 'Names in capitals can log in'
try git log --oneline --no-decorate
try sqlite3 users.db 'CREATE TABLE users (name TEXT, mail TEXT)' "INSERT INTO users VALUES ('ada', 'ada@example.com')"
try sqlite3 users.db 'SELECT count(*) FROM users'

# What it may not do alone.
try head --lines 1 "$KEY"
try make deploy
try sqlite3 users.db '.output dump.sql' .dump
try python3 send.py dump.sql 5432
try git status --short

# Whether it can answer for itself.
try holdpoint requests

# SPDX-License-Identifier: Apache-2.0
# Completion for fish: verbs and options from `holdpoint help`, ids from the daemon. A new verb needs nothing here.
function __holdpoint_ids
    switch $argv[1]
        case approve deny
            holdpoint requests --json 2>/dev/null | string match -arg '"(r-[0-9]+)"'
        case show
            holdpoint requests --all --json 2>/dev/null | string match -arg '"(r-[0-9]+)"'
        case revoke
            holdpoint grants --json 2>/dev/null | string match -arg '"(g-[0-9]+)"'
        case untag
            holdpoint sessions --json 2>/dev/null | string match -arg '"id": *([0-9]+)'
        case mode
            holdpoint mode --json 2>/dev/null | string match -arg '"(?:agent|rule)": *"([^"]*)"'
            printf '%s\n' observe enforce policy
        case help
            holdpoint help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)$' '$1\t$2'
    end | sort -u
end

function __holdpoint
    set -l words (commandline -opc)
    set -l verb $words[2]
    if test (count $words) -lt 2
        __holdpoint_ids help
        printf 'help\tsay how a verb is used\n'
        return
    end
    switch $words[-1]
        case --scope
            printf '%s\n' once session duration
        case --mode
            printf '%s\n' observe enforce
        case --session
            __holdpoint_ids untag
        case --request
            __holdpoint_ids show
        case '*'
            if string match -q -- '-*' (commandline -ct)
                holdpoint help $verb 2>/dev/null | string replace -rf '^  (--[a-z-]+)(?: [A-Z=]+)? +(.*)$' '$1\t$2'
            else
                __holdpoint_ids $verb
            end
    end
end

complete -c holdpoint -f -a '(__holdpoint)'
# The command of `holdpoint run`.
complete -c holdpoint -n '__fish_seen_subcommand_from run' -F

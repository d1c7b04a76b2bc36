# SPDX-License-Identifier: MIT
# Completion of hermes and hermes-* for fish.
#
# Nothing is known here: verbs are the programs beside hermes, what they take is read from
# their --help, and platforms, sessions and ids are asked of the programs, whose trouble is
# nobody's here. Only programs of hermes' own folder are asked, and none asks a network.

command -q hermes; or return 0

# PROGRAM [WORD]: its help, a line each: "use TEXT", "verb NAME TEXT", "option NAME ARGUMENT
# LETTER TEXT", with tabs between. A shell program is asked for what it hands its arguments to.
function __hermes_help
    set -l dir (hermes --exec-path 2>/dev/null)
    set -l ask $dir/$argv[1] $argv[2..-1]
    set -l handed
    test -x "$ask[1]"; or return
    if head -c 2 $ask[1] | string match -q '#!*'
        set -l words (sed -n 's/ "\$@".*//p' $ask[1] | string split ' ')
        test -n "$words[1]"; or return
        set ask $dir/$words[1] $words[2..-1]
        set handed "$words[2..-1] "
    end
    $ask --help </dev/null 2>/dev/null | awk -v OFS='\t' -v handed="$handed" '
        wanted { sub(/^ +/, ""); print "verb", wanted, $0; wanted = ""; next }
        /^usage: |^       hermes|^  hermes/ {
            sub(/^(usage:)? */, "")
            sub("^[^ ]* *" handed, "")
            print "use", $0; next
        }
        /^ +(-., )?--[a-z]/ {
            letter = match($0, /-[A-Za-z0-9], /) ? substr($0, RSTART, 2) : ""
            sub(/^ +(-., )?/, "")
            text = $0; sub(/^[^ ]+( [^ ]+)?( +|$)/, "", text)
            print "option", $1, ($0 ~ /^[^ ]+ [^ ]/ ? $2 : ""), letter, text; next
        }
        /^  [a-z]+( |$)/ { wanted = $1 }'
end

function __hermes_run
    set -l program (hermes --exec-path)/$argv[1]
    $program $argv[2..-1] </dev/null 2>/dev/null
end

# The values of an argument: its name in the help, the option or program, its text, the
# first operand.
function __hermes_values
    switch $argv[1]
        case 'PLATFORM*'
            __hermes_run hermes-config platforms -q
        case 'TARGET*'
            __hermes_run hermes-send --list -q
        case 'SESSION*'
            __hermes_run hermes-state list --jq '.id + "\t" + (.title // ""), (.title // empty)'
        case 'ROOM*'
            __hermes_run hermes-adapter-local rooms -q
        case 'KEY*'
            __hermes_run hermes-config list -q
        case 'VERB*'
            __hermes_run hermes-ask $argv[4] about --jq '.verbs[]'
        case STATE ROLE KIND
            string replace -ar '\([^)]*\)|;.*|^only ' '' -- $argv[3] |
                string replace -ar ' or |,' ' ' | string match -ar '[a-z]+'
        case 'ID*'
            switch $argv[2]
                case --session
                    __hermes_values SESSION
                case hermes-handoff hermes-inbox hermes-send
                    __hermes_run $argv[2] list -q
            end
        case 'FILE*'
            __fish_complete_path (commandline -ct)
        case 'FOLDER*'
            __fish_complete_directories (commandline -ct)
    end
end

# The name of the operand at this place of a synopsis, whose options are left out.
function __hermes_operand
    set -l words (string replace -ar '\[--?[^]]*\]|\[OPTION[^]]*\]|--[a-z-]+ [A-Z]+' '' -- $argv[1] |
        string split -n ' ')
    set -l word $words[$argv[2]]
    if test -z "$word"; or string match -q '...*' -- $word
        string match -q '...*' -- $words[-1]; and set word $words[-2]
    end
    string replace -r '^\[' '' -- $word | string match -r '^[A-Z].*'
end

# PROGRAM WORD ...: what can stand after these words.
function __hermes_offer
    set -l program $argv[1]
    set -l operands
    set -l wanted
    set -l help (__hermes_help $program)
    for word in $argv[2..-1]
        if test -n "$wanted"
            set wanted
        else if string match -q -- '-?*' $word
            for line in (string match 'option*' -- $help)
                set -l option (string split \t -- $line)
                if test -n "$option[3]"; and contains -- $word $option[2] $option[4]
                    set wanted $line
                end
            end
        else
            set -a operands $word
            if test (count $operands) = 1
                set -l more (__hermes_help $program (string replace -r ':.*' '' -- $word))
                test -n "$more"; and set help $more
            end
        end
    end
    if test -n "$wanted"
        set -l option (string split \t -- $wanted)
        __hermes_values $option[3] $option[2] $option[5] $operands[1]
        return
    end
    set -l options (string match -q -- '-*' (commandline -ct); and echo yes)
    for line in $help
        set -l parts (string split \t -- $line)
        switch $parts[1]
            case option
                test -n "$options"; and printf '%s\t%s\n' $parts[2] "$parts[5]"
            case verb
                set -q operands[1]; or printf '%s\t%s\n' $parts[2] "$parts[3]"
            case use
                test -z "$options"; or continue
                set -q operands[1]; or string split '|' -- $parts[2] |
                    string replace -rf '^ *([a-z]+)( .*)?$' '$1'
                set -l operand (__hermes_operand $parts[2] (math 1 + (count $operands)))
                test -n "$operand"; and __hermes_values $operand $program '' $operands[1]
        end
    end
end

function __hermes_complete
    command -q hermes; or return
    set -l words (commandline -opc)
    set -l program (string replace -r '.*/' '' -- $words[1])
    set -e words[1]
    while test "$program" = hermes; and set -q words[1]
        switch $words[1]
            case --home
                set -fx HERMES_HOME $words[2]
                set -e words[1..2]
            case help
                set program help
            case '-*'
                set -e words[1]
            case '*'
                set program hermes-$words[1]
                set -e words[1]
        end
    end
    switch $program
        case hermes help
            if string match -q -- '-*' (commandline -ct)
                printf '%s\n' --home --version --exec-path --help
            else
                complete -C hermes- | string replace -rf '^hermes-([^\t]+).*' '$1'
                __hermes_programs | string replace -rf '^hermes-' ''
            end
        case '*'
            __hermes_offer $program $words
    end
end

function __hermes_programs
    set -l dir (hermes --exec-path)
    set -l files $dir/hermes-*
    printf '%s\n' hermes (string replace -r '.*/' '' -- $files)
end

for __hermes_program in (__hermes_programs 2>/dev/null)
    complete -c $__hermes_program -f -a '(__hermes_complete 2>/dev/null)'
end
set -e __hermes_program

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of hermes and hermes-* for bash.
#
# Nothing is known here: verbs are the programs beside hermes, what they take is read from
# their --help, and platforms, sessions and ids are asked of the programs, whose trouble is
# nobody's here. Only programs of hermes' own folder are asked, and none asks a network.

# The words of the line up to the cursor, without their quotes, in _hermes_words; in
# _hermes_raw the last one as it was typed. (COMP_WORDS is cut at colons, too.)
_hermes_split() {
	local line=${COMP_LINE:0:COMP_POINT} quote='' word='' char i started=
	_hermes_words=() _hermes_raw=''
	for ((i = 0; i < ${#line}; i++)); do
		char=${line:i:1}
		if [[ $quote != "'" && $char == \\ ]]; then
			((++i))
			_hermes_raw+=$char${line:i:1} word+=${line:i:1} started=1
		elif [[ $quote ]]; then
			_hermes_raw+=$char
			if [[ $char == "$quote" ]]; then quote=; else word+=$char; fi
		elif [[ $char == [\'\"] ]]; then
			quote=$char started=1 _hermes_raw+=$char
		elif [[ $char == [[:space:]] ]]; then
			[[ ! $started ]] || _hermes_words+=("$word")
			word='' started='' _hermes_raw=''
		else
			word+=$char started=1 _hermes_raw+=$char
		fi
	done
	_hermes_words+=("$word")
}

# PROGRAM [WORD]: its help, a line each: "use TEXT", "verb NAME", "option NAME ARGUMENT LETTER
# TEXT", with tabs between. A shell program is asked for what it hands its arguments to.
_hermes_help() {
	local program=$_hermes_dir/$1 first handed=
	[[ -x $program ]] || return
	{ IFS= read -r first <"$program"; } 2>/dev/null
	set -- "$program" "${@:2}"
	if [[ $first == '#!'* ]]; then
		read -ra first < <(sed -n 's/ "\$@".*//p' "$program")
		# shellcheck disable=SC2128
		[[ $first ]] || return
		set -- "$_hermes_dir/$first" "${first[@]:1}"
		handed="${first[*]:1} "
	fi
	"$@" --help </dev/null 2>/dev/null | awk -v OFS='\t' -v handed="$handed" '
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
		/^  [a-z]+( |$)/ { print "verb", $1 }'
}

_hermes_run() {
	"$_hermes_dir/$1" "${@:2}" </dev/null 2>/dev/null
}

# The list that an option's help ends in: "pending, running or failed" and the like.
_hermes_listed() {
	sed 's/([^)]*)//g; s/;.*//; s/^only //; s/ or / /g; s/,/ /g' <<<"$1" | tr -s ' ' '\n'
}

# Words for an argument: its name in the help, the option or program it belongs to, its text.
_hermes_values() {
	case $1 in
	PLATFORM*) _hermes_run hermes-config platforms -q ;;
	TARGET*) _hermes_run hermes-send --list -q ;;
	SESSION*) _hermes_run hermes-state list --jq '.id, (.title // empty)' ;;
	ROOM*) _hermes_run hermes-adapter-local rooms -q ;;
	KEY*) _hermes_run hermes-config list -q ;;
	VERB*) _hermes_run hermes-ask "${_hermes_operands[0]}" about --jq '.verbs[]' ;;
	STATE | ROLE | KIND) _hermes_listed "$3" ;;
	ID*)
		case $2 in
		--session) _hermes_values SESSION ;;
		hermes-handoff) _hermes_run hermes-handoff list -q ;;
		hermes-inbox) _hermes_run hermes-inbox list -q ;;
		hermes-send) _hermes_run hermes-send list -q ;;
		esac
		;;
	FILE*) compgen -f -- "$_hermes_word" ;;
	FOLDER*) compgen -d -- "$_hermes_word" ;;
	esac
}

# The name of the operand at this place of a synopsis, whose options are left out.
_hermes_operand() {
	local words word=
	read -ra words <<<"$(sed -E 's/\[--?[^]]*\]//g; s/\[OPTION[^]]*\]//; s/--[a-z-]+ [A-Z]+//g' <<<"$1")"
	word=${words[$2]-}
	[[ ($word && $word != ...*) || ${words[-1]-} != ...* ]] || word=${words[-2]-}
	word=${word#[}
	[[ $word == [A-Z]* ]] && printf '%s\n' "$word"
}

_hermes_replies() {
	local word reply typed=$_hermes_raw
	while IFS= read -r word; do
		[[ $word == "$_hermes_word"* && $word ]] || continue
		case $typed in
		\"*) reply=${word//\\/\\\\} reply=${reply//\"/\\\"} reply=${reply//\$/\\\$} reply=${reply//\`/\\\`} ;;
		\'*) reply=${word//\'/\'\\\'\'} ;;
		*) printf -v reply %q "$word" ;;
		esac
		# bash completes only what follows the last of these.
		[[ $typed == [\'\"]* || $typed != *[:=]* ]] || reply=${reply#"${typed%"${typed##*[:=]}"}"}
		COMPREPLY+=("$reply")
	done < <(sort -u)
}

# Whether the option wants an argument.
_hermes_takes() {
	local line
	while IFS= read -r line; do
		[[ $line != option$'\t'"$2"$'\t'[A-Z]* && $line != option$'\t'*$'\t'[A-Z]*$'\t'"$2"$'\t'* ]] || return 0
	done < <(_hermes_help "$1" "${_hermes_operands[0]%%:*}")
	return 1
}

# What can stand here: options, verbs, and the values of an argument.
_hermes_offer() {
	local program=$1 help kind name argument letter text last=$2 plain depth=${#_hermes_operands[@]}
	help=$(_hermes_help "$program" "${_hermes_operands[0]%%:*}")
	[[ $help && $depth -gt 0 ]] || help=$(_hermes_help "$program")
	while IFS=$'\x1f' read -r kind name argument letter text; do
		if [[ $last && $kind == option && ($name == "$last" || $letter == "$last") && $argument ]]; then
			_hermes_values "$argument" "$name" "$text"
			return
		fi
	done < <(tr '\t' '\037' <<<"$help")
	while IFS=$'\x1f' read -r kind name argument letter text; do
		case $kind in
		option) [[ $_hermes_word != -* ]] || printf '%s\n' "$name" ;;
		verb) ((depth)) || printf '%s\n' "$name" ;;
		use)
			[[ $_hermes_word != -* ]] || continue
			((depth)) || tr '|' '\n' <<<"$name" | sed -nE 's/^ *([a-z]+)( .*)?$/\1/p'
			plain=$(_hermes_operand "$name" "$depth")
			[[ $plain ]] && _hermes_values "$plain" "$program"
			;;
		esac
	done < <(tr '\t' '\037' <<<"$help")
}

_hermes() {
	local _hermes_words _hermes_raw _hermes_word _hermes_dir _hermes_operands=() program word last=
	COMPREPLY=()
	_hermes_dir=$(hermes --exec-path 2>/dev/null) && [[ -d $_hermes_dir ]] || return 0
	_hermes_split
	_hermes_word=${_hermes_words[-1]}
	unset '_hermes_words[-1]'
	program=${_hermes_words[0]##*/}
	set -- "${_hermes_words[@]:1}"
	while [[ $program == hermes && $# -gt 0 ]]; do
		case $1 in
		--home) local -x HERMES_HOME=${2-}; shift 2 || return 0 ;;
		help) program=help; shift ;;
		-*) shift ;;
		*) program=hermes-$1; shift ;;
		esac
	done
	if [[ $program == hermes || $program == help ]]; then
		[[ $_hermes_word != -* ]] || _hermes_replies <<<$'--home\n--version\n--exec-path\n--help'
		[[ $_hermes_word == -* ]] || _hermes_replies < <(
			compgen -c hermes- | sed 's/^hermes-//'
			printf '%s\n' "$_hermes_dir"/hermes-* | sed 's/.*hermes-//'
			[[ $program == help ]] || echo help)
		return 0
	fi
	for word; do
		[[ $last || $word == -?* ]] || _hermes_operands+=("$word")
		if [[ $last || $word != -?* ]] || ! _hermes_takes "$program" "$word"; then last=; else last=$word; fi
	done
	_hermes_replies < <(_hermes_offer "$program" "$last")
	return 0
} 2>/dev/null

complete -F _hermes hermes
for _hermes_program in "$(hermes --exec-path 2>/dev/null)"/hermes-*; do
	[[ ! -x $_hermes_program ]] || complete -F _hermes "${_hermes_program##*/}"
done
unset _hermes_program

# SPDX-License-Identifier: MIT
# The rules of the house (docs/design.md, CONTRIBUTING.md): a rule is a test or it is none.

load common

# none PATTERN FOLDER...: no source matches; those that do are shown.
none() {
	local found
	found=$(files "$@")
	[ -z "$found" ] || { echo "$found"; return 1; }
}

# files PATTERN FOLDER...: the sources that match, relative to the root.
files() {
	local pattern=$1
	shift
	(cd "$ROOT" && grep -rlE --include='*.[ch]' -- "$pattern" "$@" | sort)
}

@test "rules: only the store's db.c and open.c speak sqlite3" {
	[ "$(files '#include <sqlite3.h>' cmd lib adapters)" = lib/store/sqlite.h ]
	[ "$(files '#include "sqlite.h"' cmd lib adapters)" = "$(printf '%s\n' lib/store/db.c lib/store/open.c)" ]
	none '\bsqlite3_[a-z]' cmd adapters
}

@test "rules: only json.c calls libjq" {
	[ "$(files '#include <j[vq].h>' cmd lib adapters)" = lib/json.c ]
	[ "$(files '\bjv_[a-z]+\(' cmd lib adapters)" = lib/json.c ]
}

@test "rules: only the adapters' HTTP file includes libcurl, only yamlnode.c libyaml" {
	[ "$(files '#include <curl/' cmd lib adapters)" = adapters/http.c ]
	[ "$(files '#include <yaml.h>' cmd lib adapters)" = lib/yamlnode.c ]
}

@test "rules: only the adapters' signatures speak libcrypto" {
	[ "$(files '#include <openssl/' cmd lib adapters)" = adapters/hmac.c ]
}

@test "rules: only the adapters' Markdown file speaks cmark" {
	[ "$(files '#include <cmark' cmd lib adapters)" = adapters/text/markdown.c ]
	[ "$(files '\bcmark_[a-z]+' cmd lib adapters)" = adapters/text/markdown.c ]
}

# headers FOLDER: the names of the headers that a folder keeps.
headers() {
	(cd "$ROOT/$1" && printf '%s\n' *.h | sed 's/\./\\./')
}

# included FOLDER BY...: which of a folder's headers the sources in BY include.
included() {
	local folder=$1
	shift
	(cd "$ROOT" && headers "$folder" | while read -r name; do
		grep -rhoE --include='*.[ch]' "#include \"(.*/)?$name\"" "$@"
	done)
}

@test "rules: an adapter or an agent knows nothing of the store" {
	[ -z "$(included lib/store adapters)" ]
}

@test "rules: a program knows no adapter, and the library knows nobody above it" {
	[ -z "$(included adapters cmd lib)" ]
	[ -z "$(included adapters/text cmd lib)" ]
	[ -z "$(cd "$ROOT" && grep -rlE '#include "(\.\./)?(cmd|handoff|send|state|watch)/' lib adapters)" ]
}

@test "rules: the library does not know the store, but for the store itself" {
	[ -z "$(cd "$ROOT" && headers lib/store | while read -r name; do
		grep -lE "#include \"$name\"" lib/*.[ch]
	done)" ]
}

@test "rules: the core never says the name of a platform" {
	none '"(telegram|discord|slack|matrix|whatsapp|signal|feishu|imessage|webhook|local)"' cmd lib
}

@test "rules: SQL is bound, never formatted" {
	none '(text_format|xformat|snprintf)\([^;]*"(SELECT|INSERT|UPDATE|DELETE) [^;]*(WHERE|VALUES)' \
		cmd lib/store
}

@test "rules: calls that overflow or start a shell are banned" {
	none '\b(strcpy|strcat|sprintf|vsprintf|gets|system|popen|strtok|tmpnam|mktemp)[[:space:]]*\(' \
		cmd lib adapters
}

@test "rules: every source says its licence in its first line, every script in its second" {
	local file
	cd "$ROOT"
	for file in $(git ls-files 'cmd/*.[ch]' 'lib/*.[ch]' 'adapters/*.[ch]' 2>/dev/null || find cmd lib adapters -name '*.[ch]'); do
		[ "$(head -n 1 "$file")" = '/* SPDX-License-Identifier: MIT */' ] || { echo "$file"; false; }
	done
	for file in cmd/hermes-carry cmd/hermes-answer cmd/hermes-speak cmd/hermes-listen contrib/bootstrap; do
		[ "$(sed -n 2p "$file")" = '# SPDX-License-Identifier: MIT' ] || { echo "$file"; false; }
	done
}

@test "rules: no tests' switch stands in a program" {
	none 'HERMES_TEST|_FAULT' cmd lib adapters
}

@test "rules: nothing names the machine it was made on" {
	cd "$ROOT"
	run ! grep -rnE '(^|[^A-Za-z0-9_.])/(work|farm)/' cmd lib adapters docs contrib share README.md
}

@test "rules: the four pipelines are as short as the manual shows them" {
	local name
	for name in carry answer speak listen; do
		[ "$(wc -l <"$ROOT/cmd/hermes-$name")" -le 16 ]
	done
}

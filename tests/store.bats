#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The store: that it loses nothing beside writers of every kind, that what is broken is
# said and never read as empty, that a lease lives as long as its pipeline, and that what
# another program keeps in the file stays as it is.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load common

setup_file() {
	UNIT=${HERMES_BUILD:-$ROOT/build}
	make -s -C "$ROOT" BUILD="$UNIT" unit >&2
}

setup() {
	UNIT=${HERMES_BUILD:-$ROOT/build}/unit
	STORE=$HERMES_HOME/state.db
	OTHER=$BATS_TEST_DIRNAME/servers/another-program
	umask 022
}

teardown() {
	stop_all
}

# a_store [MODE]: a store with a session in it, in that journal mode; sets SESSION.
a_store() {
	SESSION=$(new_session)
	[ -z "${1:-}" ] || in_mode "$1"
}

in_mode() {
	[ "$(sql "PRAGMA journal_mode=$1")" = "$1" ]
}

integrity() {
	sql 'PRAGMA integrity_check'
}

# sums: what every file of the home holds.
sums() {
	(cd "$HERMES_HOME" && find . -type f ! -name '*-shm' | sort | xargs -r sha256sum)
}

another_program() {
	"$OTHER" "$@" 3>&-
}

said() {
	grep -qs "$1" "$BATS_TEST_TMPDIR/out.$STARTED"
}

# with_mounts COMMAND...: where mounting is possible, else the test is skipped.
with_mounts() {
	unshare -rm true 2>/dev/null || skip "this machine lets nobody mount (unshare -rm)"
	unshare -rm bash -c 'set -e; "$@"' - "$@"
}

# --- the WAL-reset loss -------------------------------------------------------

scene() {
	"$UNIT/wal-reset" "$1" "$BATS_TEST_TMPDIR/race.db"
}

@test "store: two plain programs lose pages when a commit falls into the other's checkpoint" {
	mkdir -p "$HERMES_HOME"
	run -0 scene plain
	run -0 jq -r '"\(.in_between) \(.whole and .rows == .wanted) \(.sqlite)"' <<<"$output"
	case $output in
	'true false '*) ;;
	*' true '*) echo "# SQLite ${output##* } loses nothing here any more: it was mended" >&3 ;;
	*) false ;;
	esac
}

@test "store: our commit never falls into another's checkpoint" {
	mkdir -p "$HERMES_HOME"
	run -0 scene writer
	run -0 jq -r '"\(.in_between) \(.whole) \(.rows - .wanted)"' <<<"$output"
	[ "$output" = 'false true 0' ]
}

@test "store: another's commit never falls into our checkpoint" {
	mkdir -p "$HERMES_HOME"
	run -0 scene checkpointer
	run -0 jq -r '"\(.in_between) \(.whole) \(.rows - .wanted)"' <<<"$output"
	[ "$output" = 'false true 0' ]
}

# --- many writers ---------------------------------------------------------------

@test "store: 3000 lone writes keep the WAL small and each write quick" {
	a_store
	run -0 "$UNIT/write-many" --lone 3000 lone
	echo "# $output" >&3
	jq -e '.wal < 2500000 and .cpu < 30' <<<"$output"
	[ "$(sql "SELECT count(*) FROM courier_log WHERE what = 'lone'")" = 3000 ]
	[ "$(integrity)" = ok ]
}

@test "store: lone programs, one after the other, keep the WAL small too" {
	local i
	a_store
	for i in {1..150}; do
		hermes-state append "$SESSION" "message $i" >/dev/null
	done
	[ "$(stat -c %s "$STORE-wal")" -lt 2500000 ]
	[ "$(hermes-state messages "$SESSION" --jq .id | wc -l)" = 152 ]
}

@test "store: a foreign writer beside ours keeps its pace, and nobody loses a row" {
	a_store
	start "$OTHER" write 500
	"$UNIT/write-many" 1500 one >/dev/null &
	"$UNIT/write-many" 1500 two >/dev/null &
	wait "${STARTED_PIDS[0]}"
	ours=$(sql "SELECT count(*) FROM courier_log WHERE what IN ('one', 'two')")
	echo "# 500 foreign commits in $(cat "$BATS_TEST_TMPDIR/out.1") s, beside $ours of ours" >&3
	# A writer that is kept out is through when all of ours are.
	[ "$ours" -lt 3000 ]
	wait
	run -0 sql "SELECT (SELECT count(*) FROM theirs), count(*) FROM courier_log
		WHERE what IN ('one', 'two')"
	[ "$output" = '500|3000' ]
	[ "$(integrity)" = ok ]
}

eight_writers() {
	local i pids=()
	for i in {1..8}; do
		"$UNIT/write-many" 100 "w$i" >/dev/null &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(sql "SELECT count(DISTINCT what || detail) FROM courier_log WHERE what GLOB 'w*'")" = 800 ]
	[ "$(integrity)" = ok ]
}

@test "store: eight writers lose nothing" {
	a_store
	eight_writers
}

@test "store: in journal mode delete eight writers lose nothing, and the mode stays" {
	a_store delete
	eight_writers
	[ "$(sql 'PRAGMA journal_mode')" = delete ]
	[ ! -e "$STORE-wal" ]
}

@test "store: a file in mode truncate or persist stays in the mode it is in, and works" {
	local mode
	a_store
	for mode in truncate persist; do
		in_mode delete
		another_program mode "$mode"
		start "$UNIT/write-many" 20 "$mode"
		wait "${STARTED_PIDS[-1]}"
		[ "$(sql "SELECT count(*) FROM courier_log WHERE what = '$mode'")" = 20 ]
		# The header knows only WAL or not.
		[ "$(sql 'PRAGMA journal_mode')" = delete ]
		[ "$(integrity)" = ok ]
	done
}

@test "store: nothing is lost when another program switches to WAL while ours is open" {
	a_store delete
	start "$UNIT/write-many" --spaced 60 spaced
	wait_until 10 test "$(sql "SELECT count(*) FROM courier_log WHERE what = 'spaced'")"
	another_program mode wal
	wait "${STARTED_PIDS[0]}"
	[ "$(sql 'PRAGMA journal_mode')" = wal ]
	[ "$(sql "SELECT count(*) FROM courier_log WHERE what = 'spaced'")" = 60 ]
	[ "$(integrity)" = ok ]
}

# --- locks of others --------------------------------------------------------------

@test "store: a foreign program that holds a write lock for 3 s delays us and breaks nothing" {
	local mode
	for mode in wal delete; do
		rm -rf "$HERMES_HOME"
		a_store "$mode"
		start "$OTHER" hold IMMEDIATE 3
		wait_until 20 said held
		hermes-state append "$SESSION" "after the lock" >/dev/null
		said "let go"
		run -0 words "$SESSION"
		[[ $output == *'after the lock'* ]]
		wait "${STARTED_PIDS[-1]}"
	done
}

@test "store: a reader waits for a foreign program that locks out readers for a second" {
	a_store delete
	start "$OTHER" hold EXCLUSIVE 1
	wait_until 20 said held
	run -0 words "$SESSION"
	[ "${#lines[@]}" = 2 ]
}

@test "store: our readers are not in the way of our writers, nor they in theirs" {
	a_store
	start "$OTHER" hold IMMEDIATE 60
	wait_until 20 said held
	run -0 timeout 50 hermes-state messages "$SESSION" --jq .role
	[ "${#lines[@]}" = 2 ]
}

@test "store: a lock that stays is said, exit 74, and nothing is changed" {
	a_store
	start "$OTHER" hold IMMEDIATE 60
	wait_until 20 said held
	run -74 --separate-stderr timeout 60 hermes-state append "$SESSION" never
	[[ $stderr == *locked* ]]
	[ -z "$output" ]
	stop_all
	run -0 words "$SESSION"
	[[ $output != *never* ]]
}

# --- media -------------------------------------------------------------------------

read_only_home() {
	mount --bind "$HERMES_HOME" "$HERMES_HOME"
	mount -o remount,bind,ro "$HERMES_HOME"
	"$@"
}
export -f read_only_home

@test "store: on a read-only medium a store without WAL content can be read" {
	a_store
	sql 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	rm -f "$STORE-wal" "$STORE-shm"
	run -0 with_mounts read_only_home hermes-state messages "$SESSION" --jq .content
	[ "${#lines[@]}" = 2 ]
}

@test "store: on a read-only medium what is only in the WAL is read as well" {
	a_store
	another_program leave "UPDATE messages SET content = 'in the WAL' WHERE role = 'user'"
	[ -s "$STORE-wal" ]
	run -0 with_mounts read_only_home hermes-state messages "$SESSION" --jq .content
	[ "${lines[0]}" = 'in the WAL' ]
	rm -f "$STORE-shm"
	run -0 with_mounts read_only_home hermes-state messages "$SESSION" --jq .content
	[ "${lines[0]}" = 'in the WAL' ]
	run -0 find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'hermes-copy-*' -user "$(id -un)"
	[ -z "$output" ]
}

@test "store: in mode delete a read-only medium is simply read" {
	a_store delete
	run -0 with_mounts read_only_home hermes-state messages "$SESSION" --jq .content
	[ "${#lines[@]}" = 2 ]
}

@test "store: writing to a read-only medium is exit 74 with words" {
	a_store
	run -74 --separate-stderr with_mounts read_only_home hermes-state append "$SESSION" never
	[[ $stderr == *read-only* || $stderr == *'Read-only'* ]]
	[ -z "$output" ]
}

fill_the_disk() {
	mount -t tmpfs -o size=4m tmpfs "$HERMES_HOME"
	hermes-state new --title full --id full >/dev/null
	local kept=0 i status=0
	for i in {1..400}; do
		head -c 20000 /dev/zero | tr '\0' x | hermes-state append full >/dev/null \
			2>"$BATS_TEST_TMPDIR/words" || { status=$? && break; }
		kept=$((kept + 1))
	done
	echo "$status $kept $(hermes-state messages full -q | wc -l)"
	sqlite3 "$STORE" 'PRAGMA integrity_check'
	mount -o remount,size=16m "$HERMES_HOME"
	hermes-state append full 'there is room again' >/dev/null
	hermes-state messages full --last 1 --jq .content
}

@test "store: a full disk is exit 74, loses nothing that was promised, and room mends it" {
	mkdir -p "$HERMES_HOME"
	export STORE
	export -f fill_the_disk
	run -0 with_mounts fill_the_disk
	read -r status kept there <<<"${lines[0]}"
	[ "$status" = 74 ]
	[ "$kept" -gt 5 ]
	[ "$kept" = "$there" ]
	[ "${lines[1]}" = ok ]
	[ "${lines[2]}" = 'there is room again' ]
	run -0 cat "$BATS_TEST_TMPDIR/words"
	[[ $output == *'hermes-state: '*state.db* ]]
}

# --- broken stores --------------------------------------------------------------------

# is_said_to_be_broken WORDS: by readers and writers, and nothing is changed.
is_said_to_be_broken() {
	local before program
	before=$(sums)
	while read -r program; do
		# shellcheck disable=SC2086
		run -74 --separate-stderr timeout 60 $program </dev/null
		[ -z "$output" ]
		[[ $stderr == *"${program%% *}: "* ]]
		[[ $stderr == *"$1"* ]]
	done <<-END
		hermes-state list
		hermes-state messages $SESSION
		hermes-state append $SESSION more
		hermes-state new
		hermes-handoff list
		hermes-handoff claim
		hermes-handoff status --session $SESSION
		hermes-inbox list
		hermes-inbox claim
		hermes-watch --once
	END
	[ "$(sums)" = "$before" ]
}

quiet_store() {
	a_store
	hermes-handoff list
	sql 'PRAGMA journal_mode=delete' >/dev/null
	rm -f "$STORE-shm" "$STORE-wal" "$STORE-bell"
	: >"$HERMES_HOME/runs"
	: >"$STORE-queue"
}

@test "store: an emptied file is not an empty store" {
	quiet_store
	: >"$STORE"
	is_said_to_be_broken 'is empty'
}

@test "store: a file of garbage is not a store" {
	quiet_store
	head -c 65536 /dev/urandom >"$STORE"
	is_said_to_be_broken damaged
}

@test "store: a damaged header is said" {
	quiet_store
	printf 'not a database at all' | dd of="$STORE" conv=notrunc status=none
	is_said_to_be_broken damaged
}

@test "store: a file cut in half is said" {
	quiet_store
	truncate -s 6000 "$STORE"
	is_said_to_be_broken ''
}

@test "store: a missing file whose -wal is left is not an empty store" {
	a_store
	another_program leave "UPDATE sessions SET cwd = 'x'"
	[ -s "$STORE-wal" ]
	rm "$STORE" "$STORE-shm"
	: >"$HERMES_HOME/runs"
	is_said_to_be_broken 'is gone'
	[ ! -e "$STORE" ]
}

@test "store: a damaged page in the middle is never an empty list" {
	quiet_store
	root=$(sql "SELECT rootpage FROM sqlite_schema WHERE name = 'messages'")
	size=$(sql 'PRAGMA page_size')
	dd if=/dev/urandom of="$STORE" bs="$size" seek="$((root - 1))" count=1 conv=notrunc status=none
	before=$(sums)
	run -74 --separate-stderr hermes-state messages "$SESSION"
	[ -z "$output" ]
	[[ $stderr == *damaged* ]]
	run -74 --separate-stderr hermes-state append "$SESSION" more
	[ -z "$output" ]
	[ "$(sums)" = "$before" ]
	run ! hermes-state check
}

@test "store: check says that a store is whole, and when it is not" {
	a_store
	run -0 hermes-state check --jq '"\(.ok) \(.journal) \(.sessions) \(.messages)"'
	[ "$output" = 'true wal 1 2' ]
	chmod 644 "$STORE"
	run -1 --separate-stderr hermes-state check --jq .ok
	[ "$output" = false ]
	[[ $stderr == *chmod* ]]
}

@test "store: a folder where the store should be is exit 74" {
	mkdir -p "$STORE"
	run -74 --separate-stderr hermes-state list
	[ -n "$stderr" ]
	run -74 --separate-stderr hermes-state new
	[ -n "$stderr" ]
}

# --- what is made, and for whom ----------------------------------------------------------

@test "store: an empty home is an empty store, and asking makes nothing" {
	for program in 'hermes-state list' 'hermes-handoff list' 'hermes-inbox list' \
		'hermes-send list' 'hermes-state bindings'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr $program
		[ -z "$output" ]
	done
	[ ! -e "$STORE" ]
}

@test "store: whatever the umask, files are for their owner only, folders too" {
	umask 022
	a_store
	hermes-handoff local --session "$SESSION" >/dev/null
	hermes-state backup "$HERMES_HOME/copy.db"
	run -0 find "$HERMES_HOME" -perm /077
	[ -z "$output" ]
	[ "$(stat -c %a "$STORE")" = 600 ]
	[ "$(stat -c %a "$HERMES_HOME")" = 700 ]
}

@test "store: a backup made while others write is whole" {
	a_store
	start "$UNIT/write-many" 500 beside
	wait_until 10 test -s "$STORE-bell"
	hermes-state backup "$BATS_TEST_TMPDIR/copy.db"
	wait "${STARTED_PIDS[0]}"
	[ "$(sqlite3 "$BATS_TEST_TMPDIR/copy.db" 'PRAGMA integrity_check')" = ok ]
	[ "$(sqlite3 "$BATS_TEST_TMPDIR/copy.db" 'SELECT count(*) FROM messages')" = 2 ]
	run -74 --separate-stderr hermes-state backup "$BATS_TEST_TMPDIR/copy.db"
	[[ $stderr == *exists* ]]
}

@test "store: eight programs that find no store make one, whole" {
	local i pids=()
	for i in {1..8}; do
		hermes-state new --title "t$i" >/dev/null 2>>"$BATS_TEST_TMPDIR/words" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(hermes-state list -q | wc -l)" = 8 ]
	[ "$(integrity)" = ok ]
	run -0 find "$HERMES_HOME" -name '*.new.*'
	[ -z "$output" ]
}

# --- waking ------------------------------------------------------------------------------

latency() {
	sort -n "$BATS_TEST_TMPDIR/out.1" | awk '$1 != "ready" { l[n++] = $1 }
		END { printf "%d seen, median %.2f ms, worst %.2f ms\n", n, l[int(n / 2)], l[n - 1]
		exit !(n == 40 && l[int(n / 2)] < 250 && l[n - 1] < 3000) }'
}

# wakes NAME COMMAND...: a waiter sees in good time what the command writes. 40 commits are
# over in a second, for which a busy machine may leave the waiter out, but not each time.
wakes() {
	for _ in 1 2 3 4; do
		stop_all
		STARTED=0
		sql "DELETE FROM courier_log WHERE what = '$1'"
		start "$UNIT/wait-for" "$1" 40
		wait_until 20 grep -q ready "$BATS_TEST_TMPDIR/out.1"
		"${@:2}"
		wait "${STARTED_PIDS[0]}"
		run latency
		echo "# $output" >&3
		[ "$status" != 0 ] || return 0
	done
	return 1
}

spaced() {
	"$UNIT/write-many" --spaced 40 "$1" >/dev/null
}

@test "store: a waiter hears the bell" {
	a_store
	wakes ours spaced ours
}

@test "store: a waiter sees the commit of a program that rings no bell, in WAL and in delete" {
	local mode
	for mode in wal delete; do
		rm -rf "$HERMES_HOME"
		a_store "$mode"
		wakes theirs another_program say theirs 40
	done
}

# --- leases ------------------------------------------------------------------------------

# a_handoff: a pending one of a new session, asked for HERMES_CLOCK seconds from now.
a_handoff() {
	SESSION=$(hermes-state new --jq .id)
	HANDOFF=$(hermes-handoff request local --session "$SESSION" --jq .id)
}

# claim_and_stay FILE: a pipeline of its own, whose last process lives on.
claim_and_stay() (
	exec 9<>"$HERMES_HOME/runs" 3>&-
	hermes-handoff claim >"$1"
	sleep 60 &
	echo "$!" >"$1.pid"
	exec 9<&-
)

claims() (
	exec 9<>"$HERMES_HOME/runs"
	hermes-handoff claim 2>/dev/null | jq -r '"\(.handoff.id) \(.handoff.fence)"' | grep .
)

@test "lease: what is claimed stays claimed as long as any process of the pipeline lives" {
	a_handoff
	claim_and_stay "$BATS_TEST_TMPDIR/record"
	[ "$(jq -r .handoff.id "$BATS_TEST_TMPDIR/record")" = "$HANDOFF" ]
	run ! claims
	run -0 hermes-handoff status "$HANDOFF" --jq .state
	[ "$output" = running ]
	kill -9 "$(cat "$BATS_TEST_TMPDIR/record.pid")"
	wait_until 20 claims
	run -0 sql "SELECT fence FROM courier_handoffs"
	[ "$output" -ge 2 ]
}

@test "lease: an event is held and freed in the same way" {
	configure 'platforms: {local: {enabled: true}}'
	echo '{"events":[{"message":"m1","place":{"platform":"local","chat":"home","kind":"dm","user":"u"},
		"user":{"id":"u"},"text":"hello"}],"cursor":"1"}' | tr -d '\n' | sed 's/$/\n/' \
		| hermes-inbox put local >/dev/null
	(
		exec 9<>"$HERMES_HOME/runs" 3>&-
		hermes-inbox claim >/dev/null
		sleep 60 &
		echo "$!" >"$BATS_TEST_TMPDIR/pid"
	)
	run -1 hermes-inbox claim
	kill -9 "$(cat "$BATS_TEST_TMPDIR/pid")"
	wait_until 20 hermes-inbox claim
}

@test "lease: eight claimers at once take forty handoffs, each exactly once" {
	local i
	for i in {1..40}; do
		a_handoff
	done
	for i in {1..8}; do
		(
			exec 9<>"$HERMES_HOME/runs" 3>&-
			hermes-handoff claim --limit 8 >"$BATS_TEST_TMPDIR/claimed.$i" 2>/dev/null || :
			: >"$BATS_TEST_TMPDIR/done.$i"
			wait_until 60 test -e "$BATS_TEST_TMPDIR/go"
		) &
	done
	for i in {1..8}; do
		wait_until 60 test -e "$BATS_TEST_TMPDIR/done.$i"
	done
	run -0 jq -r .handoff.id "$BATS_TEST_TMPDIR"/claimed.*
	: >"$BATS_TEST_TMPDIR/go"
	wait
	[ "${#lines[@]}" = 40 ]
	[ "$(printf '%s\n' "${lines[@]}" | sort -u | wc -l)" = 40 ]
}

@test "lease: killing eight pipelines again and again loses no handoff and does none twice" {
	local i
	for i in {1..16}; do
		a_handoff
	done
	for i in {1..12}; do
		(
			exec 9<>"$HERMES_HOME/runs" 3>&-
			hermes-handoff claim --limit 2 >/dev/null 2>&1
			kill -9 "$BASHPID"
		) || :
	done
	(
		exec 9<>"$HERMES_HOME/runs" 3>&-
		hermes-handoff claim --limit 100 2>/dev/null
	) | jq -r .handoff.id >"$BATS_TEST_TMPDIR/all"
	[ "$(sort -u "$BATS_TEST_TMPDIR/all" | wc -l)" = 16 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/all")" = 16 ]
}

@test "lease: descriptor 9 is not used when it is another file, or only readable" {
	a_handoff
	: >"$BATS_TEST_TMPDIR/other"
	run -0 --separate-stderr bash -c 'exec 9<>"$1"; hermes-handoff claim' - "$BATS_TEST_TMPDIR/other"
	[[ $stderr == *'by hand'* ]]
	a_handoff
	run -0 --separate-stderr bash -c 'exec 9<"$HERMES_HOME/runs"; hermes-handoff claim'
	[[ $stderr == *'by hand'* ]]
	[ ! -s "$BATS_TEST_TMPDIR/other" ]
}

@test "lease: a claim by hand holds for --hold seconds, says so, and then is free" {
	a_handoff
	run -0 --separate-stderr hermes-handoff claim --hold 20
	[[ $stderr == *'20 s'* ]]
	run -1 hermes-handoff claim
	HERMES_CLOCK=15 run -1 hermes-handoff claim
	HERMES_CLOCK=21 run -0 --separate-stderr hermes-handoff claim
	run -0 jq .handoff.fence <<<"$output"
	[ "$output" = 2 ]
}

@test "lease: a stage that begins an outside act extends a claim by hand past the act" {
	a_handoff
	hermes-handoff claim --hold 2 2>/dev/null | hermes-handoff thread >/dev/null
	[ "$(sql 'SELECT hold > 60 FROM courier_handoffs')" = 1 ]
	HERMES_CLOCK=30 run -1 hermes-handoff claim
	HERMES_CLOCK=70 run -0 hermes-handoff claim
}

@test "lease: a clock that was set back frees a claim by hand at once" {
	HERMES_CLOCK=3600 a_handoff
	HERMES_CLOCK=3600 run -0 hermes-handoff claim
	run -0 hermes-handoff claim
}

@test "lease: a clock that was set back does not delay the next attempt" {
	HERMES_CLOCK=3600 a_handoff
	HERMES_CLOCK=3600 hermes-handoff claim 2>/dev/null \
		| jq -c '.error = {code: 69, text: "later", retry: true, after: 30}' \
		| { HERMES_CLOCK=3600 hermes-settle >/dev/null 2>&1 || :; }
	HERMES_CLOCK=3601 run -1 hermes-handoff claim
	run -0 hermes-handoff claim
}

# --- what other programs keep in it ----------------------------------------------------------

# foreign [MODE] <SQL: the file of another program.
foreign() {
	(umask 077 && mkdir -p "$HERMES_HOME" && : >"$STORE")
	sql "PRAGMA journal_mode=${1:-delete}; $(cat)" >/dev/null
}

theirs() {
	cat <<-'SQL'
		CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT NOT NULL, started_at REAL NOT NULL,
			ended_at REAL, end_reason TEXT, title TEXT, parent_session_id TEXT, mood TEXT DEFAULT 'calm',
			message_count INTEGER DEFAULT 0);
		CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
			role TEXT NOT NULL, content TEXT, timestamp REAL NOT NULL, weight REAL);
		CREATE TABLE plugins (name TEXT, blob BLOB);
		CREATE INDEX by_mood ON sessions(mood);
		CREATE VIEW calm AS SELECT id FROM sessions WHERE mood = 'calm';
		CREATE TABLE heard (what TEXT);
		CREATE TRIGGER hear AFTER INSERT ON messages BEGIN
			INSERT INTO heard VALUES (new.content); END;
		INSERT INTO sessions (id, source, started_at, title) VALUES ('20250101_000000_aaaaaa', 'cli',
			1735689600.5, 'theirs');
		INSERT INTO messages (session_id, role, content, timestamp, weight)
			VALUES ('20250101_000000_aaaaaa', 'user', 'hello', 1735689601, 0.5);
		INSERT INTO plugins VALUES ('p', x'00ff');
	SQL
}

@test "schema: a reader of a file without our tables sees it and leaves it as it is" {
	local before mode
	for mode in delete wal; do
		rm -rf "$HERMES_HOME"
		theirs | foreign "$mode"
		before=$(sha256sum "$STORE")
		run -0 hermes-state list --jq '.id + " " + .title'
		[ "$output" = '20250101_000000_aaaaaa theirs' ]
		run -0 words 20250101
		[ "$output" = 'user: hello' ]
		run -0 hermes-handoff list
		[ -z "$output" ]
		run -0 hermes-handoff status --session theirs --jq .state
		[ "$output" = null ]
		run -0 hermes-state search hello --jq .message.content
		[ "$output" = hello ]
		run -0 hermes-state export -q
		[ "$(sha256sum "$STORE")" = "$before" ]
	done
}

@test "schema: what another program keeps is untouched after our writes" {
	local before
	theirs | foreign
	before=$(sql "SELECT type, name, sql FROM sqlite_schema WHERE name IN ('plugins', 'by_mood',
		'calm', 'heard', 'hear')")
	hermes-state append 20250101 'from us' >/dev/null
	hermes-handoff local --session theirs >/dev/null
	run -0 sql "SELECT type, name, sql FROM sqlite_schema WHERE name IN ('plugins', 'by_mood',
		'calm', 'heard', 'hear')"
	[ "$output" = "$before" ]
	[ "$(sql "SELECT hex(blob) FROM plugins")" = 00FF ]
	[ "$(sql "SELECT mood FROM sessions")" = calm ]
	[ "$(sql "SELECT weight FROM messages WHERE id = 1")" = 0.5 ]
	[ "$(sql "SELECT what FROM heard LIMIT 1 OFFSET 1")" = 'from us' ]
	[ "$(sql 'PRAGMA journal_mode')" = delete ]
	[ "$(integrity)" = ok ]
}

@test "schema: a file of other things is not a store, and no reader says it is empty" {
	foreign <<<'CREATE TABLE cats (name)'
	run -74 --separate-stderr hermes-state list
	[ -n "$stderr" ]
	[ -z "$output" ]
}

@test "schema: a store of a newer version works, and its version stays" {
	a_store
	sql "UPDATE courier_schema SET version = 99; ALTER TABLE courier_handoffs ADD COLUMN later TEXT"
	hermes-handoff local --session "$SESSION" >/dev/null
	[ "$(sql 'SELECT version FROM courier_schema')" = 99 ]
}

# claims_cost: milliseconds of the processor that twenty looks for work take.
claims_cost() {
	"$PYTHON" -c 'import resource, subprocess
for _ in range(20):
	assert subprocess.run(["hermes-handoff", "claim"], stderr=subprocess.DEVNULL).returncode == 1
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(round((used.ru_utime + used.ru_stime) * 1000))'
}

@test "schema: asking whether there is work costs the same with many sessions" {
	local few many
	a_store
	few=$(claims_cost)
	sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
		INSERT INTO sessions (id, source, started_at) SELECT 's' || i, 'cli', i FROM n"
	run -0 sql "EXPLAIN QUERY PLAN SELECT id FROM sessions WHERE handoff_state = 'pending'"
	[[ $output == *'USING INDEX courier_sessions_handoff'* \
		|| $output == *'USING COVERING INDEX courier_sessions_handoff'* ]]
	many=$(claims_cost)
	echo "$few ms, and with many sessions $many"
	[ "$many" -lt $((4 * few)) ]
}

/* SPDX-License-Identifier: MIT */
/*
 * The shapes of hermes-adapter(7), as jq programs: each gives a line of words for each
 * thing that is wrong. `must` takes what cannot even be asked for wrong.
 */
#include "check.h"

#include "figures.h"

#include <string.h>

static const char prelude[] =
	"def must(so; words): if ([try so catch false] | length > 0 and all) then empty else words end;"
	"def text: type == \"string\" and length > 0;"
	"def truth: type == \"boolean\";"
	"def absent_or(so): . == null or so;"
	"def known_class: IN(\"transient\", \"busy\", \"request\", \"thread\", \"chat\", \"config\");"
	"def trouble:"
	"	must(.class | known_class; \"class is \\(.class?), which is none\"),"
	"	must(.why | text; \"why does not say why\"),"
	"	must(.remedy | absent_or(text); \"remedy is no text\"),"
	"	must(.retry_after | absent_or(type == \"number\" and . >= 0); \"retry_after is no time\");"
	"def place($platform):"
	"	must(.platform == $platform; \"place.platform is \\(.platform?), not \\($platform)\"),"
	"	(\"account\", \"chat\") as $key"
	"		| must(.[$key] | text; \"place has no \\($key)\"),"
	"	must(.kind | IN(\"dm\", \"group\", \"channel\", \"thread\");"
	"		\"place.kind is not dm, group, channel or thread\"),"
	"	must(.kind != \"dm\" or (.user | text); \"place.user does not say who the human of this dm is\");"
	"def audience:"
	"	must(.known | truth; \"audience.known is neither true nor false\"),"
	"	must(.known == false or (.size >= 1 and (.names | type == \"array\"));"
	"		\"audience is known, without its size or names\");"
	"def with_place($platform): (.place | place($platform)), (.audience | audience);"
	"def core: {platform, account, workspace, chat, kind, thread}"
	"	+ if .kind == \"dm\" then {user} else {} end;";

/* Of {"platform":…,"answer":…,"now":…}, and for the same place {"one":…,"other":…}. */
static const char *const shapes[SHAPES + 1] = {
	[SHAPE_ABOUT] = ".platform as $platform | .answer |"
	"must(.protocol == 1; \"protocol is not 1\"),"
	"must(.platform == $platform; \"platform is \\(.platform?), and the file's name says \\($platform)\"),"
	"must(.name | text; \"name is missing\"),"
	"must([\"about\", \"check\", \"resolve\", \"thread\", \"send\"] - .verbs == [];"
	"	\"verbs lack about, check, resolve, thread or send\"),"
	"((\"threads\", \"polling\", \"idempotency\", \"readback\", \"gateway\") as $key"
	"	| must(.[$key] | truth; \"\\($key) is neither true nor false\")),"
	"must(.polling == false or (.verbs | index(\"poll\") != null); \"polling without the verb poll\"),"
	"must(.limit | type == \"number\" and . > 0; \"limit is no number of units\"),"
	"must(.unit | IN(\"bytes\", \"points\", \"utf16\"); \"unit is not bytes, points or utf16\"),"
	"must(.config | type == \"array\"; \"config is no list\"),"
	"(.config[]? |"
	"	must(.name | test(\"^[A-Z][A-Z0-9_]*$\"); \"config: \\(.name? // \"?\") is no variable's name\"),"
	"	must(.about | text; \"config: \\(.name? // \"?\") does not say what it is\"),"
	"	must([.secret, .required] | all(truth);"
	"		\"config: \\(.name? // \"?\"): secret or required is neither true nor false\"))",

	[SHAPE_CHECK] = ".answer |"
	"must(.ok | truth; \"ok is neither true nor false\"),"
	"must(.problems | type == \"array\"; \"problems is no list\"),"
	"must(.ok == (.problems == []); \"ok and problems do not agree\"),"
	"(.problems[]? | must(.what | text; \"a problem does not say what it is\"),"
	"	must(.remedy | text; \"a problem has no remedy: \\(.what? // \"?\")\")),"
	"must(.ok == false or (.account | text); \"account does not say who the bot is\"),"
	"must(.ok == false or (.name | text); \"name does not say who the bot is\"),"
	"must(.facts | absent_or(type == \"object\"); \"facts is no object\"),"
	"must(.facts.token | absent_or(truth); \"facts.token is neither true nor false\"),"
	"((\"reachable\", \"threads\", \"readable\") as $key | must(.facts.home[$key] | absent_or(truth);"
	"	\"facts.home.\\($key) is neither true nor false\"))",

	[SHAPE_RESOLVE] = ".platform as $platform | .answer |"
	"if has(\"error\") then .error | trouble else with_place($platform) end",

	[SHAPE_THREAD] = ".platform as $platform | .answer |"
	"if .outcome == \"opened\" then with_place($platform),"
	"	must(.place.thread | text; \"opened, and place.thread is missing\")"
	"elif .outcome == \"home\" then with_place($platform),"
	"	must(.why | text; \"why does not say why it is the home\")"
	"elif .outcome == \"not_opened\" then trouble "
	"elif .outcome == \"unknown\" then must(.why | text; \"why does not say why\")"
	"else \"outcome is \\(.outcome), which is none\" end",

	[SHAPE_SEND] = ".answer |"
	"if .outcome == \"sent\" then"
	"	must(.ids | type == \"array\" and length > 0 and all(text); \"sent, without ids\"),"
	"	must(.parts | type == \"number\" and . >= 1; \"sent, without saying how many parts there are\"),"
	"	must(.rest | absent_or(type == \"number\" and . >= 0); \"rest is no time\")"
	"elif .outcome == \"not_sent\" then trouble "
	"elif .outcome == \"unknown\" then must(.why | text; \"why does not say why\")"
	"else \"outcome is \\(.outcome), which is none\" end",

	[SHAPE_POLL] = ".answer |"
	"if has(\"error\") then .error | trouble else"
	"	must(.events | type == \"array\"; \"events is no list\"),"
	"	must(.cursor | absent_or(type == \"string\"); \"cursor is no text\"),"
	"	must(.events == [] or (.cursor | text); \"events without a cursor that passes them\"),"
	"	must([.events[] | select(.message | text) | [.place.chat, .message, .text]] | unique"
	"		| group_by(.[:2]) | all(length == 1); \"two messages of a chat have one id\")"
	"end",

	[SHAPE_EVENT] = ".platform as $platform | .now as $now | .answer |"
	"(.place | place($platform)),"
	"must(.message | text; \"message is missing\"),"
	"must(.user.id | text; \"user.id does not say who\"),"
	"must(.user.name | text; \"user.name does not say who\"),"
	"must(.user.also | absent_or(type == \"array\" and all(text)); \"user.also is no list\"),"
	"must(.text | text; \"text is missing\"),"
	"must(.at | type == \"number\"; \"at does not say when\"),"
	"must(.at - $now | fabs < 600; \"at is not now\"),"
	"must(.place.kind != \"dm\" or .place.user == .user.id; \"who spoke is not the user of this dm\")",

	[SHAPE_TROUBLE] = ".answer | trouble, must((has(\"place\") or .outcome == \"sent\" or .outcome == \"opened\")"
	"	| not; \"it is done all the same\")",

	[SHAPE_CUT_OFF] = ".answer |"
	"must(.ok != true; \"it says that all is well\"),"
	"must(.outcome | IN(\"sent\", \"opened\", \"unknown\") | not; \"outcome is \\(.outcome)\"),"
	"must((.error.class // .class) | IN(\"thread\", \"chat\") | not;"
	"	\"class is \\(.error.class // .class), and nobody there said so\")",

	[SHAPE_TIDY] = ".answer | . as $answer |"
	"(paths(. == null) | \"\\(map(tostring) | join(\".\")) is null\"),"
	"(paths(type != \"string\") | select(.[-1] | IN(\"id\", \"chat\", \"thread\", \"account\", \"message\","
	"	\"workspace\", \"reply_to\")) | \"\\(map(tostring) | join(\".\")) is no text\"),"
	"(paths(type != \"string\") | select(.[-2:-1] == [\"ids\"]) | \"an id of ids is no text\")",

	[SHAPES] = "(.one | core) as $one | (.other | core) as $other | $one | keys[]"
	"	| select($one[.] != $other[.])"
	"	| \"\\(.) is \\($one[.] | tojson) in one and \\($other[.] | tojson) in the other\"",
};

/* The words, joined; NULL when there are none. Owned. */
static char *
apply(size_t shape, const struct json *input)
{
	static struct filter *filters[SHAPES + 1];
	struct text words = TEXT_INIT, program = TEXT_INIT;

	if (!filters[shape]) {
		text_format(&program, "%s %s", prelude, shapes[shape]);
		filters[shape] = filter_compile(program.at);
		text_release(&program);
	}
	filter_apply(filters[shape], input, &words);
	if (!words.length)
		return NULL;
	words.at[words.length - 1] = '\0';
	for (char *at = words.at; (at = strchr(at, '\n'));)
		*at = ';';
	return text_take(&words);
}

char *
judge(const struct check *check, enum shape shape, const struct json *answer)
{
	struct json *input = json_object();
	char *words;

	json_put_text(input, "platform", check->platform);
	json_put_number(input, "now", clock_now());
	json_put(input, "answer", json_copy(answer));
	words = apply(shape, input);
	json_free(input);
	return words;
}

char *
judge_same(const struct json *one, const struct json *other)
{
	struct json *input = json_object();
	char *words;

	json_put(input, "one", one ? json_copy(one) : json_null());
	json_put(input, "other", other ? json_copy(other) : json_null());
	words = apply(SHAPES, input);
	json_free(input);
	return words;
}

// SPDX-License-Identifier: MIT
//
// webhook verify | sign ID: the library of Standard Webhooks itself, with the secret of
// WEBHOOK_SECRET. `verify` reads requests, as the tests' receiver keeps them, and prints how
// many are signed as they should be; `sign` prints the headers for a body on stdin.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const [verb, id] = process.argv.slice(2);
const given = readFileSync(0, "utf8");

if (verb === "verify") {
	const requests = JSON.parse(given);
	requests.forEach((r) => webhook.verify(r.body, r.headers, { jsonParse: false }));
	console.log(requests.length);
} else {
	const now = new Date();
	console.log(JSON.stringify({ HTTP_WEBHOOK_ID: id,
		HTTP_WEBHOOK_TIMESTAMP: String(Math.floor(now.getTime() / 1000)),
		HTTP_WEBHOOK_SIGNATURE: webhook.sign(id, now, given) }));
}

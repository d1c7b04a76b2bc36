/* SPDX-License-Identifier: MIT */
/*
 * Signatures of webhooks: the one door to libcrypto.
 */
#ifndef HMAC_H
#define HMAC_H

#include "text.h"

enum { HMAC_LENGTH = 32 };

/* HMAC-SHA256 of the bytes under the key. */
void hmac_sha256(const struct text *key, const char *bytes, size_t length,
	unsigned char digest[HMAC_LENGTH]);

/* The same in base64. Owned. */
char *hmac_base64(const unsigned char digest[HMAC_LENGTH]);
/* Whether "sha256=" and hexadecimal digits, as GitHub and Meta sign with a word, are that. */
bool hub_signed(const char *signature, const char *word, const char *bytes, size_t length);

/* Whether two texts are the same, in a time that does not tell where they differ. */
bool hmac_same(const char *one, const char *other);

/* Add the bytes that base64 stands for; false, and nothing is added: it is none. */
bool base64_read(struct text *into, const char *base64);

#endif

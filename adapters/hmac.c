/* SPDX-License-Identifier: MIT */
#include "hmac.h"

#include "die.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

void
hmac_sha256(const struct text *key, const char *bytes, size_t length,
	unsigned char digest[HMAC_LENGTH])
{
	unsigned int made = HMAC_LENGTH;

	if (!HMAC(EVP_sha256(), key->at, (int)key->length, (const unsigned char *)bytes, length,
		digest, &made) || made != HMAC_LENGTH)
		die(EX_BUG, "libcrypto makes no HMAC-SHA256");
}

char *
hmac_base64(const unsigned char digest[HMAC_LENGTH])
{
	unsigned char base64[4 * (HMAC_LENGTH / 3 + 1) + 1];

	EVP_EncodeBlock(base64, digest, HMAC_LENGTH);
	return xstrdup((const char *)base64);
}

bool
hmac_same(const char *one, const char *other)
{
	size_t length = strlen(one);

	return length == strlen(other) && !CRYPTO_memcmp(one, other, length);
}

bool
hub_signed(const char *signature, const char *word, const char *bytes, size_t length)
{
	struct text right = TEXT_INIT, key = {(char *)word, strlen(word), 0};
	unsigned char digest[HMAC_LENGTH];
	bool same;

	hmac_sha256(&key, bytes, length, digest);
	text_puts(&right, "sha256=");
	for (int i = 0; i < HMAC_LENGTH; i++)
		text_format(&right, "%02x", digest[i]);
	same = hmac_same(signature, right.at);
	text_release(&right);
	return same;
}

bool
base64_read(struct text *into, const char *base64)
{
	size_t length = strlen(base64), padding = 0;
	unsigned char *bytes;
	int read;

	if (!length || length % 4 || length > 4096)
		return false;
	while (padding < 2 && base64[length - 1 - padding] == '=')
		padding++;
	bytes = xmalloc(length);
	read = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)length);
	if (read > (int)padding)
		text_add(into, bytes, (size_t)read - padding);
	free(bytes);
	return read > (int)padding;
}

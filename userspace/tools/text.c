// SPDX-License-Identifier: GPL-2.0-only
/* Names that others chose may be any bytes: what of them is text, in UTF-8. */
#include <stdio.h>

#include "tool.h"

/* The first byte of a character that has so many more, and the least that needs them. */
static const struct {
	unsigned char mask, value;
	unsigned int more;
	uint32_t least;
} kinds[] = {
	{ 0x80, 0x00, 0, 0 },
	{ 0xe0, 0xc0, 1, 0x80 },
	{ 0xf0, 0xe0, 2, 0x800 },
	{ 0xf8, 0xf0, 3, 0x10000 },
};

/* Bytes of a character that is whole, in its shortest form and no surrogate, else 0. */
static unsigned int decode(const unsigned char *text, uint32_t *code)
{
	const size_t nr = sizeof(kinds) / sizeof(kinds[0]);
	unsigned int kind, i;

	for (kind = 0; kind < nr; kind++)
		if ((text[0] & kinds[kind].mask) == kinds[kind].value)
			break;
	if (kind == nr)
		return 0;
	*code = text[0] & (unsigned char)~kinds[kind].mask;
	for (i = 1; i <= kinds[kind].more; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	if (*code < kinds[kind].least || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return i;
}

bool next_character(const char **text, struct character *character)
{
	if (!**text)
		return false;
	character->bytes = *text;
	character->length = decode((const unsigned char *)*text, &character->code);
	character->broken = !character->length;
	if (character->broken) {
		character->length = 1;
		character->code = 0;
	}
	*text += character->length;
	return true;
}

/* As C has them, and those that many terminals take for the same with ESC. */
bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

void print_name(const char *name)
{
	struct character character;

	while (next_character(&name, &character)) {
		if (character.broken || is_control(character.code))
			putchar('?');
		else
			fwrite(character.bytes, 1, character.length, stdout);
	}
}

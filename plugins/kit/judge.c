/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * Values against schemas, and text against UTF-8.
 *
 * The words of JSON Schema 2020-12 that are judged are those which a function
 * in C has to rely on; the others are for the model.
 */

#define _POSIX_C_SOURCE 200809L

#include "inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE 160 /* bytes of a value's name */

/* Where in the arguments we are, and what is wrong there. */
typedef struct {
    const char *name;
    char *why;
    size_t room;
} place;

static bool wrong(const place *at, const char *what)
{
    snprintf(at->why, at->room, "%s %s.", at->name, what);
    return false;
}

static bool has_type(const json_t *value, const char *type)
{
    return (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
           (strcmp(type, "number") == 0 && json_is_number(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "object") == 0 && json_is_object(value)) ||
           (strcmp(type, "null") == 0 && json_is_null(value));
}

static bool fits_type(const json_t *schema, const json_t *value, const place *at)
{
    json_t *types = json_object_get(schema, "type");
    char what[PLACE] = "must be of type";
    size_t each;
    json_t *type;
    if (!types || (json_is_string(types) && has_type(value, json_string_value(types)))) {
        return true;
    }
    json_array_foreach (types, each, type) {
        if (has_type(value, json_string_value(type))) {
            return true;
        }
    }
    if (json_is_string(types)) {
        snprintf(what, sizeof what, "must be of type %s", json_string_value(types));
        return wrong(at, what);
    }
    return wrong(at, "is of none of its types");
}

static bool fits_enum(const json_t *schema, const json_t *value, const place *at)
{
    json_t *choices = json_object_get(schema, "enum"), *choice;
    size_t each;
    if (!choices) {
        return true;
    }
    json_array_foreach (choices, each, choice) {
        if (json_equal(choice, value)) {
            return true;
        }
    }
    char what[PLACE], *text = json_dumps(choices, JSON_COMPACT | JSON_ENSURE_ASCII);
    snprintf(what, sizeof what, "must be one of %s", text);
    free(text);
    return wrong(at, what);
}

/* Compare a number, or a count of something, with two words of a schema. */
static bool within(const json_t *schema, const char *least, const char *most, double number, const char *of,
                   const place *at)
{
    json_t *low = json_object_get(schema, least), *high = json_object_get(schema, most);
    char what[PLACE];
    if (low && number < json_number_value(low)) {
        snprintf(what, sizeof what, "must be at least %.15g%s", json_number_value(low), of);
        return wrong(at, what);
    }
    if (high && number > json_number_value(high)) {
        snprintf(what, sizeof what, "must be at most %.15g%s", json_number_value(high), of);
        return wrong(at, what);
    }
    return true;
}

static size_t characters(const json_t *string)
{
    size_t count = 0;
    for (const char *at = json_string_value(string); *at; at++) {
        count += ((unsigned char)*at & 0xC0) != 0x80;
    }
    return count;
}

static bool fits_size(const json_t *schema, const json_t *value, const place *at)
{
    if (json_is_number(value)) {
        return within(schema, "minimum", "maximum", json_number_value(value), "", at);
    }
    if (json_is_string(value)) {
        return within(schema, "minLength", "maxLength", (double)characters(value), " characters long", at);
    }
    if (json_is_array(value)) {
        return within(schema, "minItems", "maxItems", (double)json_array_size(value), " items long", at);
    }
    return true;
}

static bool fits_items(const json_t *schema, const json_t *value, const place *at)
{
    json_t *items = json_object_get(schema, "items"), *item;
    size_t each;
    if (!json_is_object(items) || !json_is_array(value)) {
        return true;
    }
    json_array_foreach (value, each, item) {
        char name[PLACE];
        snprintf(name, sizeof name, "%.120s[%zu]", at->name, each);
        if (!mcp_fits(items, item, name, at->why, at->room)) {
            return false;
        }
    }
    return true;
}

static bool has_required(const json_t *schema, const json_t *value, const place *at)
{
    json_t *name;
    size_t each;
    json_array_foreach (json_object_get(schema, "required"), each, name) {
        if (!json_object_get(value, json_string_value(name))) {
            char what[PLACE];
            snprintf(what, sizeof what, "must have \"%.120s\"", json_string_value(name));
            return wrong(at, what);
        }
    }
    return true;
}

static bool fits_members(const json_t *schema, const json_t *value, const place *at)
{
    json_t *known = json_object_get(schema, "properties"), *member;
    bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
    const char *key;
    if (!json_is_object(value)) {
        return true;
    }
    json_object_foreach ((json_t *)value, key, member) {
        const json_t *own = json_object_get(known, key);
        char name[PLACE];
        snprintf(name, sizeof name, "%.60s.%.60s", at->name, key);
        if (own && !mcp_fits(own, member, name, at->why, at->room)) {
            return false;
        }
        if (!own && closed) {
            return wrong(&(place){name, at->why, at->room}, "is unknown");
        }
    }
    return has_required(schema, value, at);
}

bool mcp_fits(const json_t *schema, const json_t *value, const char *name, char *why, size_t room)
{
    const place at = {name, why, room};
    return fits_type(schema, value, &at) && fits_enum(schema, value, &at) && fits_size(schema, value, &at) &&
           fits_items(schema, value, &at) && fits_members(schema, value, &at);
}

/* Tell how many bytes the character here has; 0: it is none (RFC 3629). */
static size_t width(const unsigned char *at, size_t left)
{
    size_t size = at[0] < 0x80                      ? 1
                  : at[0] >= 0xC2 && at[0] <= 0xDF ? 2
                  : at[0] >= 0xE0 && at[0] <= 0xEF ? 3
                  : at[0] >= 0xF0 && at[0] <= 0xF4 ? 4
                                                   : 0;
    if (size > left) {
        return 0;
    }
    for (size_t each = 1; each < size; each++) {
        if ((at[each] & 0xC0) != 0x80) {
            return 0;
        }
    }
    /* Too long for what they say, surrogates, and beyond U+10FFFF. */
    bool bad = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
               (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F);
    return bad ? 0 : size;
}

json_t *mcp_string(const char *bytes, size_t length)
{
    json_t *string = json_stringn(bytes, length);
    if (string) {
        return string;
    }
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    const unsigned char *from = (const unsigned char *)bytes;
    char *clean = mcp_need(length * 3);
    size_t size = 0;
    for (size_t at = 0; at < length;) {
        size_t good = width(from + at, length - at);
        memcpy(clean + size, good ? bytes + at : replacement, good ? good : 3);
        size += good ? good : 3;
        at += good ? good : 1;
    }
    string = json_stringn(clean, size);
    free(clean);
    return string;
}

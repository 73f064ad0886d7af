/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * The id of a request that jansson does not take.
 *
 * What comes before us may pass on what we cannot hold: a number beyond any C
 * type, a NUL in a string.  Whoever asked would wait in vain for an answer
 * without the id.
 */

#define _POSIX_C_SOURCE 200809L

#include "inside.h"

#include <string.h>

/* What is left of a line. */
typedef struct {
    const char *at, *end;
} text;

static bool is_any(char each, const char *of)
{
    return each != '\0' && strchr(of, each) != NULL;
}

static void skip_blanks(text *left)
{
    while (left->at < left->end && is_any(*left->at, " \t\r")) {
        left->at++;
    }
}

static bool skip_one(text *left, const char *of)
{
    bool there = left->at < left->end && is_any(*left->at, of);
    left->at += there;
    return there;
}

/* Skip what is in a string, and the quote after it; false if that never comes. */
static bool skip_string(text *left)
{
    while (left->at < left->end) {
        char each = *left->at++;
        if (each == '"') {
            return true;
        }
        if (each == '\\' && left->at < left->end) {
            left->at++;
        }
    }
    return false;
}

static bool skip_escaped(text *left)
{
    if (!skip_one(left, "u")) {
        return skip_one(left, "\"\\/bfnrt");
    }
    for (int digits = 0; digits < 4; digits++) {
        if (!skip_one(left, "0123456789abcdefABCDEF")) {
            return false;
        }
    }
    return true;
}

/* Skip a string that can be written as it is: JSON, and ASCII only. */
static bool skip_plain(text *left)
{
    while (left->at < left->end) {
        char each = *left->at++;
        if (each == '"') {
            return true;
        }
        if (each < ' ' || each > '~' || (each == '\\' && !skip_escaped(left))) {
            return false;
        }
    }
    return false;
}

static bool skip_integer(text *left)
{
    skip_one(left, "-");
    if (skip_one(left, "0")) {
        return true;
    }
    bool some = false;
    while (skip_one(left, "0123456789")) {
        some = true;
    }
    return some;
}

/* Give the bytes of the id that a member's value is, or 0 if it can't be one. */
static size_t measure(text left)
{
    const char *begin = left.at;
    bool whole = skip_one(&left, "\"") ? skip_plain(&left) : skip_integer(&left);
    size_t length = (size_t)(left.at - begin);
    skip_blanks(&left);
    return whole && length <= MCP_TORN_ID && skip_one(&left, ",}") ? length : 0;
}

/* Skip a string; say whether it is the name "id", and its value comes next. */
static bool skip_name(text *left, bool *whole)
{
    const char *begin = left->at;
    *whole = skip_string(left);
    bool named = left->at - begin == 3 && memcmp(begin, "id\"", 3) == 0;
    skip_blanks(left);
    bool is_name = skip_one(left, ":");
    skip_blanks(left);
    return named && is_name;
}

const char *mcp_torn_id(const char *line, size_t length, size_t *count)
{
    text left = {line, line + length};
    const char *found = NULL;
    size_t depth = 1, ids = 0;
    skip_blanks(&left);
    bool whole = skip_one(&left, "{");
    while (whole && depth > 0 && left.at < left.end) {
        char each = *left.at++;
        if (each == '"') {
            if (skip_name(&left, &whole) && depth == 1) {
                ids++;
                found = left.at;
                *count = measure(left);
            }
        } else if (is_any(each, "{[")) {
            depth++;
        } else if (is_any(each, "}]")) {
            depth--;
        }
    }
    skip_blanks(&left);
    /* Two may be two requests to two readers, and half a line is anybody's. */
    bool certain = depth == 0 && left.at == left.end && ids == 1 && *count > 0;
    return certain ? found : NULL;
}

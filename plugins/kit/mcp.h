/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * MCP for a plugin in C: declare tools, call mcp_serve, and nothing else.
 *
 * The kit speaks over standard input and output with clients of every protocol
 * revision from 2024-11-05 to 2026-07-28.  One thread reads; another one runs
 * the tools, one call at a time, so that a tool needs no locks.
 */

#ifndef MCP_H
#define MCP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of one message, in either direction. */
#define MCP_MESSAGE ((size_t)4 << 20)

/* Calls that run or wait; what is asked beyond that is told to try again. */
#define MCP_CALLS 32

/* JSON as it stands, for the schemas below: MCP_JSON({"type": "object"}).  Not
 * through another macro: the preprocessor would make 0 of a false in it. */
#define MCP_JSON(...) #__VA_ARGS__

#define MCP_LIKE_PRINTF(at, from) __attribute__((format(printf, at, from)))

/* One call of a tool; valid until the tool's function returns. */
typedef struct mcp_call mcp_call;

typedef struct mcp_tool {
    const char *name;        /* letters, digits, _ . and -, at most 64 */
    const char *title;       /* for people; may be NULL */
    const char *description; /* for the model that chooses */
    const char *input;       /* JSON Schema of the arguments, an object's; NULL: there are none */
    const char *output;      /* JSON Schema of what mcp_give is given; may be NULL */
    bool reads_only;         /* whether it changes nothing */
    /* Does the work, and says what came out by the functions below.  The
     * arguments are an object that fits `input`, as far as mcp_fits says. */
    void (*run)(mcp_call *call, const json_t *arguments, void *own);
    void *own; /* handed to `run` */
} mcp_tool;

typedef struct mcp_plugin {
    const char *name;         /* for programs */
    const char *title;        /* for people; may be NULL */
    const char *version;      /* of the plugin */
    const char *instructions; /* for the model, about all tools; may be NULL */
    const mcp_tool *tools;
    size_t count; /* of the tools */
} mcp_plugin;

/* Serve until the end of input.  What the program itself prints from here on
 * goes to standard error.  Returns the status to exit with: 0, or 70 if a
 * declaration is wrong, which standard error tells. */
int mcp_serve(const mcp_plugin *plugin);

/* Add a text to the answer.  Bytes that are not UTF-8 are replaced. */
void mcp_say(mcp_call *call, const char *format, ...) MCP_LIKE_PRINTF(2, 3);

/* Answer with structured content; takes the object over.  Unless there is a
 * text it is put into one as well, for clients older than 2025-06-18. */
void mcp_give(mcp_call *call, json_t *object);

/* The same, with JSON text of an object: one line, written as it is. */
void mcp_give_text(mcp_call *call, const char *object);

/* Answer that the call failed, and why, so that the model can try better.
 * It replaces what was said and given. */
void mcp_fail(mcp_call *call, const char *format, ...) MCP_LIKE_PRINTF(2, 3);

/* Tell how far the call is, if its client wants to know; `total` is 0 if it is
 * unknown.  Call it as often as you like: it tells what is news, up to twenty
 * times a second. */
void mcp_progress(mcp_call *call, double done, double total, const char *message);

/* Say whether nobody wants the answer any more.  A tool that takes more than a
 * moment asks now and then, and returns. */
bool mcp_cancelled(const mcp_call *call);

/* Write a line for the operator to standard error. */
void mcp_log(const char *format, ...) MCP_LIKE_PRINTF(1, 2);

/* Make a JSON string of any bytes; those that are not UTF-8 are replaced. */
json_t *mcp_string(const char *bytes, size_t length);

/* Say whether a value fits a schema, and if not, why.  It judges type, enum,
 * required, properties, additionalProperties: false, items, minimum, maximum,
 * minLength, maxLength, minItems and maxItems, and no other word.  A number
 * with a point is no integer, were it 5.0.
 *
 * Args:
 *     name: What the value is called in `why`.
 *     why: Room for a sentence.
 *     room: Bytes of it. */
bool mcp_fits(const json_t *schema, const json_t *value, const char *name, char *why, size_t room);

#ifdef __cplusplus
}
#endif

#endif

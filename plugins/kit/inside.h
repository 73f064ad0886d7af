/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * What the files of the kit know of each other; plugins include mcp.h.
 */

#ifndef MCP_INSIDE_H
#define MCP_INSIDE_H

#include "mcp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define MCP_MODERN "2026-07-28"
#define MCP_META "io.modelcontextprotocol/"

/* JSON-RPC 2.0, section 5.1, and MCP 2026-07-28, "Error codes". */
enum {
    MCP_NOT_JSON = -32700,
    MCP_BAD_REQUEST = -32600,
    MCP_NO_METHOD = -32601,
    MCP_BAD_PARAMS = -32602,
    MCP_BAD_VERSION = -32022
};

#define MCP_NOT_JSON_TEXT "That is not JSON."

/* Bytes of an id, a token or a version: they come back in what is answered. */
#define MCP_WORD 1024

/* Bytes of an id that is found in a line which can't be read. */
#define MCP_TORN_ID 128

/* mcp.c */

/* Give memory; where there is none left, the process says so and ends. */
void *mcp_need(size_t size);

/* lines.c: bytes in and out. */

typedef struct {
    int fd;
    char *kept; /* MCP_MESSAGE + 1 bytes */
    size_t begin, seen, end;
    bool skipping;
} mcp_lines;

typedef enum { MCP_LINE, MCP_LONG_LINE, MCP_NO_LINE } mcp_found;

/* Find the next line; it is valid until the next call. */
mcp_found mcp_next_line(mcp_lines *lines, const char **line, size_t *length);

/* Write all of it; if nobody reads any more, the process ends quietly. */
void mcp_write(int fd, const char *data, size_t length);

/* call.c: the calls. */

typedef struct mcp_server {
    const mcp_plugin *plugin;
    json_t *about;    /* our name and version */
    json_t *listed;   /* the tools, as clients see them */
    int out;          /* where the client reads */
    bool greeted;     /* whether there was an initialize */
    bool ended;       /* whether the runner should end */
    pthread_t runner; /* runs the tools */
    /* Guards the calls and all writing: not a word of a call follows its cancel. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count;
    mcp_call *calls[MCP_CALLS]; /* the first one runs */
} mcp_server;

struct mcp_call {
    mcp_server *server;
    const mcp_tool *tool;
    const json_t *schema;
    json_t *message; /* owns the three below */
    json_t *id, *token, *arguments;
    bool modern;
    atomic_bool cancelled;
    json_t *content;
    char *given; /* structured content, as text */
    bool failed;
    double done; /* how far it was when that was last told */
    struct timespec told;
};

/* Run calls, until the server has ended; a thread's function. */
void *mcp_run(void *server);

/* Queue a call; refuses it if there are too many, or another one has its id. */
void mcp_queue(mcp_server *server, const mcp_tool *tool, const json_t *schema, json_t *message, bool modern);

/* Give what is a string or an integer and not too long, else NULL. */
json_t *mcp_word(json_t *value);

/* Cancel the call with an id, if there is one. */
void mcp_cancel(mcp_server *server, const json_t *id);

/* Wait until no call is left, or for so many milliseconds; the lock is held. */
bool mcp_wait(mcp_server *server, long milliseconds);

/* speak.c: what is said. */

/* Write a message, and end it; `given` becomes the structured content of the
 * result.  The lock is held.  Returns whether it is small enough. */
bool mcp_put(mcp_server *server, json_t *message, const char *given);

/* Put a result into the words of an era; takes it over. */
json_t *mcp_dress(mcp_server *server, json_t *result, bool modern);

void mcp_answer(mcp_server *server, json_t *id, json_t *result, bool modern);

/* The same, with what a client may keep for five minutes. */
void mcp_answer_kept(mcp_server *server, json_t *id, json_t *result, bool modern);

/* Answer with an error; `id` is NULL if it is unknown, `data` is taken over. */
void mcp_refuse(mcp_server *server, json_t *id, int code, json_t *data, const char *sentence);

/* Answer a line that is not JSON; `id` is JSON as it came, at most MCP_TORN_ID bytes. */
void mcp_refuse_torn(mcp_server *server, const char *id, size_t length);

/* torn.c */

/* Find the id in a line that can't be read, or NULL.
 *
 * It is an ASCII string or an integer, as it stands in the line.  There is one
 * only if the line is an object, as far as its brackets say, with one member
 * "id" of its own.  Takes time as the line is long, and no memory.
 *
 * Args:
 *     count: Becomes the bytes of it. */
const char *mcp_torn_id(const char *line, size_t length, size_t *count);

/* hear.c: what is heard. */

void mcp_hear(mcp_server *server, const char *line, size_t length);

#endif

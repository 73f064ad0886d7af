/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * What is said to the client, in either era.
 */

#define _POSIX_C_SOURCE 200809L

#include "inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ASCII only: no line separator is left to a reader's mercy.  The numbers in
 * our own words are short; a tool's are written by itself. */
#define MCP_WRITTEN (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15))

static const char member[] = ",\"structuredContent\":";

bool mcp_put(mcp_server *server, json_t *message, const char *given)
{
    char *text = json_dumps(message, MCP_WRITTEN);
    json_decref(message);
    /* The result is the last member of the message, and content is spliced in
     * at its end: a tool's text is never read and written again. */
    size_t own = strlen(text), extra = given ? strlen(given) : 0;
    bool small = extra <= MCP_MESSAGE && own + extra + sizeof member <= MCP_MESSAGE;
    if (small && given) {
        mcp_write(server->out, text, own - 2);
        mcp_write(server->out, member, sizeof member - 1);
        mcp_write(server->out, given, extra);
        mcp_write(server->out, "}}\n", 3);
    } else if (small) {
        text[own] = '\n'; /* in the place of the NUL: one write for all of it */
        mcp_write(server->out, text, own + 1);
    }
    free(text);
    return small;
}

static void say(mcp_server *server, json_t *message)
{
    pthread_mutex_lock(&server->lock);
    mcp_put(server, message, NULL);
    pthread_mutex_unlock(&server->lock);
}

json_t *mcp_dress(mcp_server *server, json_t *result, bool modern)
{
    if (modern) {
        json_object_set_new(result, "resultType", json_string("complete"));
        json_object_set_new(result, "_meta", json_pack("{s:O}", MCP_META "serverInfo", server->about));
    }
    return result;
}

void mcp_answer(mcp_server *server, json_t *id, json_t *result, bool modern)
{
    result = mcp_dress(server, result, modern);
    say(server, json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", id, "result", result));
}

void mcp_answer_kept(mcp_server *server, json_t *id, json_t *result, bool modern)
{
    if (modern) {
        json_object_set_new(result, "ttlMs", json_integer(300000));
        json_object_set_new(result, "cacheScope", json_string("public"));
    }
    mcp_answer(server, id, result, modern);
}

void mcp_refuse(mcp_server *server, json_t *id, int code, json_t *data, const char *sentence)
{
    json_t *message = json_pack("{s:s}", "jsonrpc", "2.0");
    if (id) {
        json_object_set(message, "id", id);
    }
    json_t *error = json_pack("{s:i,s:s}", "code", code, "message", sentence);
    if (data) {
        json_object_set_new(error, "data", data);
    }
    json_object_set_new(message, "error", error);
    say(server, message);
}

void mcp_refuse_torn(mcp_server *server, const char *id, size_t length)
{
    static const char form[] =
        "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"error\":{\"code\":%d,\"message\":\"" MCP_NOT_JSON_TEXT "\"}}\n";
    char line[sizeof form + MCP_TORN_ID + 16]; /* 16: the code */
    int size = snprintf(line, sizeof line, form, (int)length, id, (int)MCP_NOT_JSON);
    pthread_mutex_lock(&server->lock);
    mcp_write(server->out, line, (size_t)size);
    pthread_mutex_unlock(&server->lock);
}

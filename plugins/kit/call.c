/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * The calls: queued by the thread that reads, run by the other one.
 */

#define _GNU_SOURCE /* vasprintf */

#include "inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY 512            /* bytes of a sentence about wrong arguments */
#define PAUSE 50000000L    /* nanoseconds between two words of progress */
#define SECOND 1000000000L /* nanoseconds */

static json_t *text_of(const char *text)
{
    return json_pack("{s:s,s:o}", "type", "text", "text", mcp_string(text, strlen(text)));
}

static void add(mcp_call *call, const char *format, va_list values)
{
    char *text = NULL;
    if (vasprintf(&text, format, values) >= 0) {
        json_array_append_new(call->content, text_of(text));
        free(text);
    }
}

void mcp_say(mcp_call *call, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add(call, format, values);
    va_end(values);
}

void mcp_give(mcp_call *call, json_t *object)
{
    free(call->given);
    /* Not ASCII alone: the same text is what a model may read. */
    call->given = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
}

void mcp_give_text(mcp_call *call, const char *object)
{
    free(call->given);
    size_t size = strlen(object) + 1;
    call->given = memcpy(mcp_need(size), object, size);
}

void mcp_fail(mcp_call *call, const char *format, ...)
{
    json_array_clear(call->content);
    free(call->given);
    call->given = NULL;
    call->failed = true;
    va_list values;
    va_start(values, format);
    add(call, format, values);
    va_end(values);
}

bool mcp_cancelled(const mcp_call *call)
{
    return atomic_load(&call->cancelled);
}

static bool is_news(mcp_call *call, double done)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long passed = (now.tv_sec - call->told.tv_sec) * SECOND + now.tv_nsec - call->told.tv_nsec;
    /* MCP, "Progress": it increases with each notice, and is told with measure. */
    bool first = call->told.tv_sec == 0;
    if (!first && (done <= call->done || passed < PAUSE)) {
        return false;
    }
    call->done = done;
    call->told = now;
    return true;
}

void mcp_progress(mcp_call *call, double done, double total, const char *message)
{
    if (!call->token || !is_news(call, done)) {
        return;
    }
    json_t *params = json_pack("{s:O,s:f}", "progressToken", call->token, "progress", done);
    if (total > 0) {
        json_object_set_new(params, "total", json_real(total));
    }
    if (message) {
        json_object_set_new(params, "message", mcp_string(message, strlen(message)));
    }
    json_t *whole =
        json_pack("{s:s,s:s,s:o}", "jsonrpc", "2.0", "method", "notifications/progress", "params", params);
    pthread_mutex_lock(&call->server->lock);
    if (mcp_cancelled(call)) {
        json_decref(whole);
    } else {
        mcp_put(call->server, whole, NULL);
    }
    pthread_mutex_unlock(&call->server->lock);
}

static json_t *result_of(mcp_call *call)
{
    if (call->given && json_array_size(call->content) == 0) {
        json_array_append_new(call->content, text_of(call->given));
    }
    json_t *result = json_pack("{s:O,s:b}", "content", call->content, "isError", call->failed);
    return mcp_dress(call->server, result, call->modern);
}

static bool tell(mcp_call *call)
{
    json_t *answer =
        json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", call->id, "result", result_of(call));
    return mcp_put(call->server, answer, call->given);
}

static void finish(mcp_call *call)
{
    mcp_server *server = call->server;
    pthread_mutex_lock(&server->lock);
    if (!mcp_cancelled(call) && !tell(call)) {
        mcp_fail(call, "The answer has more than %zu MiB; ask for less.", MCP_MESSAGE >> 20);
        tell(call);
    }
    server->count--;
    memmove(server->calls, server->calls + 1, server->count * sizeof *server->calls);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void end(mcp_call *call)
{
    json_decref(call->content);
    json_decref(call->message);
    free(call->given);
    free(call);
}

static void run(mcp_call *call)
{
    char why[WHY];
    if (!mcp_cancelled(call)) {
        if (mcp_fits(call->schema, call->arguments, "arguments", why, sizeof why)) {
            call->tool->run(call, call->arguments, call->tool->own);
        } else {
            mcp_fail(call, "%s", why);
        }
    }
    finish(call);
    end(call);
}

void *mcp_run(void *of)
{
    mcp_server *server = of;
    pthread_mutex_lock(&server->lock);
    while (!server->ended) {
        if (server->count == 0) {
            pthread_cond_wait(&server->changed, &server->lock);
        } else {
            mcp_call *call = server->calls[0];
            pthread_mutex_unlock(&server->lock);
            run(call);
            pthread_mutex_lock(&server->lock);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

json_t *mcp_word(json_t *value)
{
    bool is_short = json_is_string(value) && json_string_length(value) <= MCP_WORD;
    return is_short || json_is_integer(value) ? value : NULL;
}

static mcp_call *find(mcp_server *server, const json_t *id)
{
    for (size_t each = 0; each < server->count; each++) {
        if (json_equal(server->calls[each]->id, id)) {
            return server->calls[each];
        }
    }
    return NULL;
}

static mcp_call *make(mcp_server *server, json_t *message, bool modern)
{
    mcp_call *call = memset(mcp_need(sizeof *call), 0, sizeof *call);
    atomic_init(&call->cancelled, false);
    json_t *params = json_object_get(message, "params");
    json_t *token = json_object_get(json_object_get(params, "_meta"), "progressToken");
    if (!json_object_get(params, "arguments")) {
        json_object_set_new(params, "arguments", json_object());
    }
    call->server = server;
    call->message = json_incref(message);
    call->id = json_object_get(message, "id");
    call->arguments = json_object_get(params, "arguments");
    call->token = mcp_word(token);
    call->modern = modern;
    call->content = json_array();
    return call;
}

void mcp_queue(mcp_server *server, const mcp_tool *tool, const json_t *schema, json_t *message, bool modern)
{
    mcp_call *call = make(server, message, modern);
    call->tool = tool;
    call->schema = schema;
    pthread_mutex_lock(&server->lock);
    bool taken = find(server, call->id) != NULL, full = server->count == MCP_CALLS;
    if (!taken && !full) {
        server->calls[server->count++] = call;
        pthread_cond_broadcast(&server->changed);
    } else if (!taken) {
        mcp_fail(call, "Too many calls at once; try again when one has ended.");
        tell(call);
    }
    pthread_mutex_unlock(&server->lock);
    if (taken) {
        mcp_refuse(server, call->id, MCP_BAD_REQUEST, NULL, "A request with this id is under way.");
    }
    if (taken || full) {
        end(call);
    }
}

void mcp_cancel(mcp_server *server, const json_t *id)
{
    pthread_mutex_lock(&server->lock);
    mcp_call *call = find(server, id);
    if (call) {
        /* It keeps its place until the tool has returned: cancelling is no way
         * to have more calls waiting than are allowed. */
        atomic_store(&call->cancelled, true);
    }
    pthread_mutex_unlock(&server->lock);
}

bool mcp_wait(mcp_server *server, long milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += milliseconds * 1000000L;
    until.tv_sec += until.tv_nsec / SECOND;
    until.tv_nsec %= SECOND;
    int late = 0;
    while (server->count > 0 && late != ETIMEDOUT) {
        late = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    }
    return server->count == 0;
}

/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * The start and the end of serving.
 */

#define _POSIX_C_SOURCE 200809L

#include "inside.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULTY 70 /* sysexits.h, EX_SOFTWARE */
#define NAME 64   /* letters of a tool's name: what language models take */

/* Milliseconds for what still runs at the end of input, and for what was then
 * cancelled; seconds for all.  Clients wait two before they send a signal. */
#define PATIENCE 1000
#define GRACE 500
#define LAST 2

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

void mcp_log(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    flockfile(stderr);
    vfprintf(stderr, format, values);
    putc('\n', stderr);
    funlockfile(stderr);
    va_end(values);
}

void *mcp_need(size_t size)
{
    void *memory = malloc(size);
    if (!memory) {
        mcp_log("There is no memory left.");
        _exit(FAULTY);
    }
    return memory;
}

static json_t *read_schema(const mcp_tool *tool, const char *text)
{
    json_error_t error;
    json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!schema) {
        mcp_log("A schema of the tool %s is not JSON: %s", tool->name, error.text);
    }
    return schema;
}

static const char *flaw_of(const mcp_tool *tool, const json_t *input)
{
    size_t length = strlen(tool->name);
    const char *type = json_string_value(json_object_get(input, "type"));
    const json_t *more = json_object_get(input, "additionalProperties");
    if (length == 0 || length > NAME || strspn(tool->name, letters) != length) {
        return "its name has other letters than a tool's may, or too many";
    }
    if (!type || strcmp(type, "object") != 0) {
        return "its input is no schema of an object";
    }
    if (more && !json_is_boolean(more) && !json_is_object(more)) {
        return "its additionalProperties are neither true nor false nor a schema";
    }
    return NULL;
}

static json_t *describe(const mcp_tool *tool, json_t *input, json_t *output)
{
    json_t *listed = json_pack("{s:s,s:s,s:o}", "name", tool->name, "description", tool->description,
                               "inputSchema", input);
    if (tool->title) {
        json_object_set_new(listed, "title", json_string(tool->title));
    }
    if (output) {
        json_object_set_new(listed, "outputSchema", output);
    }
    if (tool->reads_only) {
        json_object_set_new(listed, "annotations", json_pack("{s:b}", "readOnlyHint", 1));
    }
    return listed;
}

static bool list(json_t *listed, const mcp_tool *tool)
{
    const char *none = MCP_JSON({"type": "object", "properties": {}, "additionalProperties": false});
    json_t *input = read_schema(tool, tool->input ? tool->input : none);
    json_t *output = tool->output ? read_schema(tool, tool->output) : NULL;
    const char *flaw = flaw_of(tool, input);
    if (!input || (tool->output && !output) || flaw) {
        mcp_log("The tool %s is not served: %s.", tool->name, flaw ? flaw : "its output is no schema");
        json_decref(input);
        json_decref(output);
        return false;
    }
    return json_array_append_new(listed, describe(tool, input, output)) == 0;
}

static json_t *introduce(const mcp_plugin *plugin)
{
    json_t *about = json_pack("{s:s,s:s}", "name", plugin->name, "version", plugin->version);
    if (plugin->title) {
        json_object_set_new(about, "title", json_string(plugin->title));
    }
    return about;
}

/* Keep the client's two streams to ourselves: what a tool or a library prints
 * must not get between two messages, and no child may read our requests. */
static int seclude(int *out)
{
    int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    *out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    close(nothing);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN); /* a write says it, too */
    return in;
}

static void begin(mcp_server *server)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&server->lock, NULL);
    if (pthread_create(&server->runner, NULL, mcp_run, server) != 0) {
        mcp_log("No thread can be started.");
        _exit(FAULTY);
    }
}

static void hear_all(mcp_server *server, int in)
{
    mcp_lines lines = {.fd = in, .kept = mcp_need(MCP_MESSAGE + 1)};
    const char *line;
    size_t length;
    mcp_found found;
    while ((found = mcp_next_line(&lines, &line, &length)) != MCP_NO_LINE) {
        if (found == MCP_LINE) {
            mcp_hear(server, line, length);
        } else {
            mcp_refuse(server, NULL, MCP_BAD_REQUEST, NULL, "A message may have at most 4 MiB.");
        }
    }
    free(lines.kept);
}

static bool settle(mcp_server *server)
{
    if (mcp_wait(server, PATIENCE)) {
        return true;
    }
    for (size_t each = 0; each < server->count; each++) {
        atomic_store(&server->calls[each]->cancelled, true);
    }
    return mcp_wait(server, GRACE);
}

static void leave(int number)
{
    (void)number;
    _exit(0);
}

static void finish(mcp_server *server)
{
    /* A client that reads nothing may hold up a thread which is writing, and a
     * tool may never return: neither keeps the process. */
    signal(SIGALRM, leave);
    alarm(LAST);
    pthread_mutex_lock(&server->lock);
    if (!settle(server)) {
        _exit(0);
    }
    server->ended = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->runner, NULL);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    alarm(0);
}

int mcp_serve(const mcp_plugin *plugin)
{
    json_set_alloc_funcs(mcp_need, free);
    mcp_server server = {.plugin = plugin, .about = introduce(plugin), .listed = json_array()};
    bool sound = true;
    for (size_t each = 0; each < plugin->count; each++) {
        sound = list(server.listed, &plugin->tools[each]) && sound;
    }
    if (sound) {
        int in = seclude(&server.out);
        begin(&server);
        hear_all(&server, in);
        finish(&server);
    }
    json_decref(server.about);
    json_decref(server.listed);
    return sound ? 0 : FAULTY;
}

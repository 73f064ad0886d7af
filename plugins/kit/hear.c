/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * What the client says, in both eras on the same pipe.
 *
 * A request with a protocol version in its _meta is of the modern era
 * (2026-07-28) and stands alone; others are of the legacy era and need an
 * initialize before them.
 */

#define _POSIX_C_SOURCE 200809L

#include "inside.h"

#include <string.h>

#define NEWEST_LEGACY "2025-11-25"

static const char *const legacy[] = {"2024-11-05", "2025-03-26", "2025-06-18", NEWEST_LEGACY};

/* A request, with what is known of it; none of it is owned. */
typedef struct {
    json_t *message, *id, *params;
    const char *method;
    bool modern;
} request;

static bool check_meta(mcp_server *server, json_t *id, const json_t *meta)
{
    json_t *version = json_object_get(meta, MCP_META "protocolVersion");
    if (!json_is_string(version) || !mcp_word(version)) {
        mcp_refuse(server, id, MCP_BAD_PARAMS, NULL,
                   "The _meta needs " MCP_META "protocolVersion, a string.");
    } else if (!json_is_object(json_object_get(meta, MCP_META "clientCapabilities"))) {
        mcp_refuse(server, id, MCP_BAD_PARAMS, NULL,
                   "The _meta needs " MCP_META "clientCapabilities, an object.");
    } else if (strcmp(json_string_value(version), MCP_MODERN) != 0) {
        json_t *data = json_pack("{s:[s],s:O}", "supported", MCP_MODERN, "requested", version);
        mcp_refuse(server, id, MCP_BAD_VERSION, data, "That protocol version is not spoken here.");
    } else {
        return true;
    }
    return false;
}

static json_t *introduce(mcp_server *server)
{
    json_t *result = json_pack("{s:{s:{}}}", "capabilities", "tools");
    if (server->plugin->instructions) {
        json_object_set_new(result, "instructions", json_string(server->plugin->instructions));
    }
    return result;
}

static void discover(mcp_server *server, const request *asked)
{
    json_t *result = introduce(server);
    json_object_set_new(result, "supportedVersions", json_pack("[s]", MCP_MODERN));
    mcp_answer_kept(server, asked->id, result, true);
}

static void greet(mcp_server *server, const request *asked)
{
    json_t *version = json_object_get(asked->params, "protocolVersion");
    if (!json_is_string(version)) {
        mcp_refuse(server, asked->id, MCP_BAD_PARAMS, NULL, "The params need a protocolVersion, a string.");
        return;
    }
    const char *chosen = NEWEST_LEGACY;
    for (size_t each = 0; each < sizeof legacy / sizeof *legacy; each++) {
        if (strcmp(json_string_value(version), legacy[each]) == 0) {
            chosen = legacy[each];
        }
    }
    server->greeted = true;
    json_t *result = introduce(server);
    json_object_set_new(result, "protocolVersion", json_string(chosen));
    json_object_set(result, "serverInfo", server->about);
    mcp_answer(server, asked->id, result, false);
}

static void list(mcp_server *server, const request *asked)
{
    if (json_object_get(asked->params, "cursor")) {
        mcp_refuse(server, asked->id, MCP_BAD_PARAMS, NULL,
                   "There is no such cursor: the list has one page.");
        return;
    }
    mcp_answer_kept(server, asked->id, json_pack("{s:O}", "tools", server->listed), asked->modern);
}

static void call(mcp_server *server, const request *asked)
{
    const char *name = json_string_value(json_object_get(asked->params, "name"));
    size_t each = 0;
    while (each < server->plugin->count && (!name || strcmp(name, server->plugin->tools[each].name) != 0)) {
        each++;
    }
    json_t *arguments = json_object_get(asked->params, "arguments");
    if (each == server->plugin->count) {
        mcp_refuse(server, asked->id, MCP_BAD_PARAMS, NULL, "There is no such tool.");
    } else if (arguments && !json_is_object(arguments)) {
        mcp_refuse(server, asked->id, MCP_BAD_PARAMS, NULL, "The arguments must be an object.");
    } else {
        const json_t *schema = json_object_get(json_array_get(server->listed, each), "inputSchema");
        mcp_queue(server, &server->plugin->tools[each], schema, asked->message, asked->modern);
    }
}

static void dispatch(mcp_server *server, const request *asked)
{
    const char *method = asked->method;
    if (strcmp(method, "tools/call") == 0) {
        call(server, asked);
    } else if (strcmp(method, "tools/list") == 0) {
        list(server, asked);
    } else if (asked->modern && strcmp(method, "server/discover") == 0) {
        discover(server, asked);
    } else if (!asked->modern && strcmp(method, "initialize") == 0) {
        greet(server, asked);
    } else if (!asked->modern && strcmp(method, "ping") == 0) {
        mcp_answer(server, asked->id, json_object(), false);
    } else {
        mcp_refuse(server, asked->id, MCP_NO_METHOD, NULL, "There is no such method.");
    }
}

static void take(mcp_server *server, request *asked)
{
    json_t *meta = json_object_get(asked->params, "_meta");
    bool opens = strcmp(asked->method, "initialize") == 0 || strcmp(asked->method, "ping") == 0;
    if (meta && !json_is_object(meta)) {
        mcp_refuse(server, asked->id, MCP_BAD_PARAMS, NULL, "The _meta must be an object.");
        return;
    }
    asked->modern = strcmp(asked->method, "server/discover") == 0 ||
                    json_object_get(meta, MCP_META "protocolVersion") != NULL;
    if (asked->modern && !check_meta(server, asked->id, meta)) {
        return;
    }
    if (!asked->modern && !server->greeted && !opens) {
        mcp_refuse(server, asked->id, MCP_BAD_PARAMS, NULL,
                   "Send initialize first, or _meta with " MCP_META "protocolVersion.");
        return;
    }
    dispatch(server, asked);
}

static void notice(mcp_server *server, const char *method, const json_t *params)
{
    json_t *id = mcp_word(json_object_get(params, "requestId"));
    if (strcmp(method, "notifications/cancelled") == 0 && id) {
        mcp_cancel(server, id);
    }
}

static void read_message(mcp_server *server, json_t *message)
{
    json_t *given = json_object_get(message, "id"), *id = mcp_word(given);
    const char *method = json_string_value(json_object_get(message, "method"));
    const char *version = json_string_value(json_object_get(message, "jsonrpc"));
    json_t *params = json_object_get(message, "params");
    if (json_is_array(message)) {
        mcp_refuse(server, NULL, MCP_BAD_REQUEST, NULL, "Batches are not taken; send one message a line.");
    } else if (!version || strcmp(version, "2.0") != 0) {
        mcp_refuse(server, NULL, MCP_BAD_REQUEST, NULL, "That is no JSON-RPC 2.0 message.");
    } else if (!method) {
        /* We asked nothing, so nobody's answer matters. */
        if (!json_object_get(message, "result") && !json_object_get(message, "error")) {
            mcp_refuse(server, id, MCP_BAD_REQUEST, NULL, "A message needs a method.");
        }
    } else if (!given) {
        notice(server, method, params);
    } else if (!id) {
        mcp_refuse(server, NULL, MCP_BAD_REQUEST, NULL, "An id is a short string or an integer.");
    } else if (params && !json_is_object(params)) {
        mcp_refuse(server, id, MCP_BAD_PARAMS, NULL, "The params must be an object.");
    } else {
        take(server, &(request){message, id, params, method, false});
    }
}

void mcp_hear(mcp_server *server, const char *line, size_t length)
{
    size_t blank = 0;
    while (blank < length && strchr(" \t\r", line[blank]) && line[blank] != '\0') {
        blank++;
    }
    if (blank == length) {
        return;
    }
    /* jansson bounds the depth (2,048), and takes neither bytes that are not
     * UTF-8 nor a NUL in a string nor a number that a C type cannot hold. */
    json_t *message = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (message) {
        read_message(server, message);
        json_decref(message);
        return;
    }
    size_t count = 0;
    const char *id = mcp_torn_id(line, length, &count);
    if (id) {
        mcp_refuse_torn(server, id, count);
    } else {
        mcp_refuse(server, NULL, MCP_NOT_JSON, NULL, MCP_NOT_JSON_TEXT);
    }
}

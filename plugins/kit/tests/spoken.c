/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * A plugin for tests: tools that do what tools do, and what they should not.
 */

#define _POSIX_C_SOURCE 200809L

#include <mcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void pause_for(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000L}, NULL);
}

static void echo(mcp_call *call, const json_t *arguments, void *own)
{
    (void)own;
    mcp_give(call, json_deep_copy(arguments));
}

static void say(mcp_call *call, const json_t *arguments, void *own)
{
    mcp_say(call, "%s", json_string_value(json_object_get(arguments, "text")));
    mcp_say(call, "%s", (const char *)own);
}

static void fail(mcp_call *call, const json_t *arguments, void *own)
{
    (void)arguments, (void)own;
    mcp_say(call, "This is replaced.");
    mcp_give(call, json_object());
    mcp_fail(call, "It cannot be: %d.", 42);
}

/* Tells its progress until it is cancelled, and says so to the operator. */
static void wait(mcp_call *call, const json_t *arguments, void *own)
{
    (void)arguments, (void)own;
    for (int step = 1; !mcp_cancelled(call); step++) {
        mcp_progress(call, step, 0, "waiting");
        mcp_progress(call, step, 0, "This is no news.");
        pause_for(5);
    }
    mcp_log("cancelled");
}

static void deaf(mcp_call *call, const json_t *arguments, void *own)
{
    (void)call, (void)arguments, (void)own;
    mcp_progress(call, 1, 4, NULL);
    pause_for(60000);
}

static void print(mcp_call *call, const json_t *arguments, void *own)
{
    (void)arguments, (void)own;
    printf("printed\n");
    mcp_say(call, "%s", fgetc(stdin) == EOF ? "nothing to read" : "read the client's words");
}

static void swell(mcp_call *call, const json_t *arguments, void *own)
{
    (void)own;
    json_int_t size = json_integer_value(json_object_get(arguments, "size"));
    char *text = memset(malloc((size_t)size + 1), 'x', (size_t)size + 1);
    text[size] = '\0';
    mcp_say(call, "%s", text);
    free(text);
}

static void bytes(mcp_call *call, const json_t *arguments, void *own)
{
    (void)arguments, (void)own;
    /* Good in 1 to 4 bytes; then a lone byte, overlong, a surrogate, too high, cut off. */
    static const char mixed[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80|\x80|\xC0\x80|\xE0\x80\x80|\xF0\x80\x80\x80|"
                                "\xED\xA0\x80|\xF4\x90\x80\x80|\xFF|\xE2\x82";
    mcp_give(call, json_pack("{s:o}", "text", mcp_string(mixed, sizeof mixed - 1)));
}

static const mcp_tool tools[] = {
    {.name = "echo", .title = "Echo", .description = "Gives what it is given.", .run = echo, .reads_only = true,
     .output = MCP_JSON({"type": "object"}), .input = MCP_JSON({
         "type": "object",
         "properties": {
             "text": {"type": "string", "minLength": 1, "maxLength": 3},
             "count": {"type": "integer", "minimum": 1, "maximum": 9},
             "ratio": {"type": "number", "maximum": 0.5},
             "flag": {"type": "boolean"},
             "word": {"enum": ["a", "b", 1]},
             "any": {"type": ["string", "null"]},
             "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
             "deep": {"type": "object", "properties": {"x": {"type": "array"}}, "required": ["x"]},
             "free": {}
         },
         "additionalProperties": false
     })},
    {.name = "say", .description = "Says it, and \"too\".", .run = say, .own = "too",
     .input = MCP_JSON({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]})},
    {.name = "fail", .description = "Fails.", .run = fail},
    {.name = "wait", .description = "Waits until it is cancelled.", .run = wait},
    {.name = "deaf", .description = "Does not hear that it is cancelled.", .run = deaf},
    {.name = "print", .description = "Prints, and reads.", .run = print},
    {.name = "swell", .description = "Says much.", .run = swell, .input = MCP_JSON({
         "type": "object", "properties": {"size": {"type": "integer", "maximum": 8000000}}, "required": ["size"]})},
    {.name = "bytes", .description = "Gives bytes of all kinds.", .run = bytes},
};

int main(void)
{
    const mcp_plugin plugin = {"spoken", "Spoken", "1.0", "For tests.", tools, sizeof tools / sizeof *tools};
    return mcp_serve(&plugin);
}

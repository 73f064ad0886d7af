/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * A plugin whose author was careless: none of its tools can be served.
 */

#include <mcp.h>

static void run(mcp_call *call, const json_t *arguments, void *own)
{
    (void)call, (void)arguments, (void)own;
}

int main(void)
{
    const mcp_tool tools[] = {
        {.name = "a tool", .description = "Has a bad name.", .run = run},
        {.name = "list", .description = "Takes a list.", .run = run, .input = MCP_JSON({"type": "array"})},
        {.name = "broken", .description = "Takes what is no JSON.", .run = run, .input = "{"},
        {.name = "open", .description = "Forgot what false is.", .run = run,
         .input = "{\"type\": \"object\", \"additionalProperties\": 0}"},
        {.name = "torn", .description = "Gives what is no JSON.", .run = run, .output = "{"},
    };
    const mcp_plugin plugin = {.name = "faulty", .version = "1.0", .tools = tools, .count = sizeof tools / sizeof *tools};
    return mcp_serve(&plugin);
}

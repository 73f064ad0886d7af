/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * A plugin for tests, in C++.
 */

#include <mcp.hpp>

using mcp::Call;
using mcp::json;

static const char *const anything = R"({"type": "object"})";

int main()
{
    return mcp::serve({"wrapped",
                       "1.0",
                       "",
                       {
                           {"echo", "Gives what it is given.", anything, anything, true,
                            [](const json &arguments, Call &) { return arguments; }},
                           {"text", "Says a text.", anything, "", false,
                            [](const json &, Call &) { return json("a text"); }},
                           {"list", "Says a list.", anything, "", false,
                            [](const json &, Call &) { return json::array({1, "\xFF"}); }},
                           {"fail", "Fails for a reason.", anything, "", false,
                            [](const json &, Call &) -> json { throw mcp::Failure("It cannot be."); }},
                           {"break", "Fails for none.", anything, "", false,
                            [](const json &arguments, Call &) -> json { return arguments.at("none"); }},
                           {"wait", "Waits until it is cancelled.", anything, "", false,
                            [](const json &, Call &call) {
                                for (int step = 1; !call.cancelled(); step++) {
                                    call.progress(step, 0, "waiting");
                                }
                                return json();
                            }},
                       }});
}

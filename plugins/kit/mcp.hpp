/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * MCP for a plugin in C++17: mcp.h, with functions that take and return JSON.
 */

#ifndef MCP_HPP
#define MCP_HPP

#include "mcp.h"

#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace mcp {

using json = nlohmann::json;

/* Thrown by a tool to say why it failed, so that the model can try better. */
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/* One call of a tool. */
class Call {
public:
    explicit Call(mcp_call *call) : call_(call) {}

    /* Say whether nobody wants the answer any more: then return anything. */
    bool cancelled() const { return mcp_cancelled(call_); }

    /* Tell how far it is; a total of 0 is unknown. */
    void progress(double done, double total = 0, const std::string &message = "")
    {
        mcp_progress(call_, done, total, message.empty() ? nullptr : message.c_str());
    }

private:
    mcp_call *call_;
};

struct Tool {
    std::string name;        /* letters, digits, _ . and -, at most 64 */
    std::string description; /* for the model that chooses */
    std::string input;       /* JSON Schema of the arguments, an object's */
    std::string output;      /* JSON Schema of the object it returns; "" if it returns text */
    bool reads_only;         /* whether it changes nothing */
    /* Takes arguments that fit the schema.  An object it returns is structured
     * content, a string is text, and anything else is told as JSON text. */
    std::function<json(const json &arguments, Call &call)> run;
};

struct Plugin {
    std::string name;
    std::string version;
    std::string instructions; /* for the model, about all tools; may be "" */
    std::vector<Tool> tools;
};

/* JSON on one line; what is not UTF-8 in it is replaced. */
inline std::string write(const json &value)
{
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

inline void answer(mcp_call *call, const json &value)
{
    if (value.is_object()) {
        mcp_give_text(call, write(value).c_str());
    } else {
        mcp_say(call, "%s", (value.is_string() ? value.get<std::string>() : write(value)).c_str());
    }
}

inline json read(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    json made = json::parse(text);
    free(text);
    return made;
}

/* No exception may leave it: a C program calls it. */
inline void run(mcp_call *call, const json_t *arguments, void *own) noexcept
{
    try {
        Call known(call);
        answer(call, static_cast<const Tool *>(own)->run(read(arguments), known));
    } catch (const Failure &failure) {
        mcp_fail(call, "%s", failure.what());
    } catch (const std::exception &error) {
        mcp_log("%s: %s", static_cast<const Tool *>(own)->name.c_str(), error.what());
        mcp_fail(call, "The tool failed; its log says why.");
    }
}

/* Serve until the end of input; returns the status to exit with, as mcp_serve. */
inline int serve(const Plugin &plugin)
{
    std::vector<mcp_tool> tools;
    for (const Tool &tool : plugin.tools) {
        tools.push_back({tool.name.c_str(), nullptr, tool.description.c_str(), tool.input.c_str(),
                         tool.output.empty() ? nullptr : tool.output.c_str(), tool.reads_only, run,
                         const_cast<Tool *>(&tool)});
    }
    const mcp_plugin told = {plugin.name.c_str(),
                             nullptr,
                             plugin.version.c_str(),
                             plugin.instructions.empty() ? nullptr : plugin.instructions.c_str(),
                             tools.data(),
                             tools.size()};
    return mcp_serve(&told);
}

} // namespace mcp

#endif

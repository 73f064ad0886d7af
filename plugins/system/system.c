/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * A plugin that tells how this machine is, and changes nothing.
 *
 *     system [PROC]
 *
 * PROC is where the kernel tells it, /proc if it is not given.
 */

#include "system.h"

#define COUNT {"type": "integer", "minimum": 0}
#define AMOUNT {"type": "number", "minimum": 0}

/* For schemas with those in them; not for true and false, which are macros, too. */
#define SCHEMA(...) MCP_JSON(__VA_ARGS__)

static const char load[] = SCHEMA({
    "type": "object",
    "properties": {
        "load1": AMOUNT, "load5": AMOUNT, "load15": AMOUNT,
        "running": COUNT, "threads": COUNT, "processors": COUNT, "uptime": AMOUNT
    },
    "required": ["load1", "load5", "load15", "running", "threads", "processors", "uptime"]
});

static const char memory[] = SCHEMA({
    "type": "object",
    "properties": {
        "total": COUNT, "available": COUNT, "free": COUNT, "buffers": COUNT, "cached": COUNT,
        "shared": COUNT, "dirty": COUNT, "swap_total": COUNT, "swap_free": COUNT
    },
    "required": ["total"]
});

static const char disks[] = SCHEMA({
    "type": "object",
    "properties": {
        "disks": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "path": {"type": "string"}, "type": {"type": "string"},
                "total": COUNT, "free": COUNT, "available": COUNT,
                "files": COUNT, "files_free": COUNT, "read_only": {"type": "boolean"}
            },
            "required": ["path", "type", "total", "free", "available", "files", "files_free", "read_only"]
        }},
        "skipped": COUNT
    },
    "required": ["disks", "skipped"]
});

#define PROCESS { \
    "type": "object", \
    "properties": { \
        "pid": COUNT, "name": {"type": "string"}, "state": {"type": "string"}, "parent": COUNT, \
        "threads": COUNT, "memory": COUNT, "cpu_seconds": AMOUNT, "started": AMOUNT \
    }, \
    "required": ["pid", "name", "state", "parent", "threads", "memory", "cpu_seconds", "started"] \
}

static const char process[] = SCHEMA(PROCESS);

static const char processes[] = SCHEMA({
    "type": "object",
    "properties": {"processes": {"type": "array", "items": PROCESS}, "all": COUNT},
    "required": ["processes", "all"]
});

static const char which[] = MCP_JSON({
    "type": "object",
    "properties": {
        "by": {
            "enum": ["memory", "cpu"],
            "description": "What they are ordered by: memory (default) or CPU time."
        },
        "count": {
            "type": "integer", "minimum": 1, "maximum": 100,
            "description": "How many, 10 if not given."
        }
    },
    "additionalProperties": false
});

static const char pid[] = MCP_JSON({
    "type": "object",
    "properties": {"pid": {"type": "integer", "minimum": 1, "maximum": 4194304}},
    "required": ["pid"],
    "additionalProperties": false
});

int main(int count, char **arguments)
{
    void *proc = count > 1 ? arguments[1] : "/proc";
    const mcp_tool tools[] = {
        {"load", "Load",
         "The load averages, running and all threads, processors, and seconds since the start.",
         NULL, load, true, tell_load, proc},
        {"memory", "Memory",
         "The memory and swap, in bytes. What programs can still have is `available`.",
         NULL, memory, true, tell_memory, proc},
        {"disks", "Disks",
         "Local file systems with their size and room, in bytes and in files. Network file systems and "
         "others that could block are skipped, and counted.",
         NULL, disks, true, tell_disks, proc},
        {"processes", "Processes",
         "The processes that use the most memory or CPU time, and how many there are.",
         which, processes, true, tell_processes, proc},
        {"process", "One process",
         "One process by its id: name, state, parent, threads, bytes in RAM, seconds of CPU time, and its "
         "start in seconds after that of the machine.",
         pid, process, true, tell_process, proc},
    };
    const mcp_plugin plugin = {"system", "System", "1.0.0",
                               "Tells how the machine is that this runs on, and changes nothing.", tools,
                               sizeof tools / sizeof *tools};
    return mcp_serve(&plugin);
}

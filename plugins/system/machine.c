/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * The load and the memory of the machine.
 */

#define _POSIX_C_SOURCE 200809L

#include "system.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MEMINFO 8192 /* bytes; the kernel tells some 1,500 */

void tell_load(mcp_call *call, const json_t *arguments, void *own)
{
    (void)arguments;
    char average[128] = "", up[128] = "";
    double one, five, fifteen, seconds;
    long running, all;
    read_file(own, "loadavg", average, sizeof average);
    read_file(own, "uptime", up, sizeof up);
    if (sscanf(average, "%lf %lf %lf %ld/%ld", &one, &five, &fifteen, &running, &all) != 5 ||
        sscanf(up, "%lf", &seconds) != 1) {
        mcp_fail(call, "The kernel does not tell its load here.");
        return;
    }
    mcp_give(call, json_pack("{s:f,s:f,s:f,s:I,s:I,s:I,s:f}", "load1", one, "load5", five, "load15", fifteen,
                             "running", (json_int_t)running, "threads", (json_int_t)all, "processors",
                             (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "uptime", seconds));
}

/* Find a number of kB in lines as "MemFree:   123 kB"; bytes, or -1. */
static long long find_bytes(const char *text, const char *name)
{
    size_t length = strlen(name);
    long long kilobytes;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':' &&
            sscanf(line + length + 1, "%lld", &kilobytes) == 1) {
            return kilobytes * 1024;
        }
    }
    return -1;
}

void tell_memory(mcp_call *call, const json_t *arguments, void *own)
{
    (void)arguments;
    static const char *const names[][2] = {
        {"total", "MemTotal"},   {"available", "MemAvailable"}, {"free", "MemFree"},
        {"buffers", "Buffers"},  {"cached", "Cached"},          {"shared", "Shmem"},
        {"dirty", "Dirty"},      {"swap_total", "SwapTotal"},   {"swap_free", "SwapFree"},
    };
    char text[MEMINFO] = "";
    read_file(own, "meminfo", text, sizeof text);
    if (find_bytes(text, "MemTotal") < 0) {
        mcp_fail(call, "The kernel does not tell its memory here.");
        return;
    }
    json_t *told = json_object();
    for (size_t each = 0; each < sizeof names / sizeof *names; each++) {
        long long bytes = find_bytes(text, names[each][1]);
        if (bytes >= 0) {
            json_object_set_new(told, names[each][0], json_integer(bytes));
        }
    }
    mcp_give(call, told);
}

/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * The processes: one, or those that use the most.
 *
 * Command lines and environments are not told: people put passwords into them.
 */

#define _POSIX_C_SOURCE 200809L

#include "system.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 100  /* processes that are told at once */
#define STAT 1024 /* bytes of /proc/PID/stat; the kernel tells some 300 */
#define NAME 64   /* bytes of a name: 15, or more of a kernel's thread */

typedef struct {
    long long pid, parent, threads;
    char name[NAME + 1], state;
    long long memory;        /* bytes in RAM */
    double seconds, started; /* of CPU time; after the start of the machine */
} process;

static double ticks(unsigned long long count)
{
    return (double)count / (double)sysconf(_SC_CLK_TCK);
}

/* Read what stat says after the name, as proc_pid_stat(5) has it. */
static bool read_fields(const char *fields, process *read)
{
    unsigned long long user, system, started;
    int found = sscanf(fields,
                       " %c %lld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %lld %*d %llu "
                       "%*u %lld",
                       &read->state, &read->parent, &user, &system, &read->threads, &started, &read->memory);
    if (found != 7) {
        return false;
    }
    read->seconds = ticks(user + system);
    read->started = ticks(started);
    read->memory *= sysconf(_SC_PAGESIZE);
    return true;
}

/* Read a process; false: it is gone, as they may be at any time. */
static bool read_process(const char *folder, long long pid, process *read)
{
    char name[64], text[STAT];
    snprintf(name, sizeof name, "%lld/stat", pid);
    if (read_file(folder, name, text, sizeof text) <= 0) {
        return false;
    }
    /* A name may have parentheses, spaces and newlines; nothing after it has. */
    const char *begin = strchr(text, '('), *end = strrchr(text, ')');
    if (!begin || !end || end < begin) {
        return false;
    }
    snprintf(read->name, sizeof read->name, "%.*s", (int)(end - begin - 1), begin + 1);
    read->pid = pid;
    return read_fields(end + 1, read);
}

static json_t *describe(const process *one)
{
    const char state[] = {one->state, '\0'};
    return json_pack("{s:I,s:o,s:o,s:I,s:I,s:I,s:f,s:f}", "pid", (json_int_t)one->pid, "name",
                     mcp_string(one->name, strlen(one->name)), "state", mcp_string(state, strlen(state)),
                     "parent", (json_int_t)one->parent, "threads", (json_int_t)one->threads, "memory",
                     (json_int_t)one->memory, "cpu_seconds", one->seconds, "started", one->started);
}

static bool is_before(const process *one, const process *other, bool by_cpu)
{
    double difference = by_cpu ? one->seconds - other->seconds : (double)(one->memory - other->memory);
    return difference > 0 || (difference == 0 && one->pid < other->pid);
}

/* Put one among the best, which stay sorted and are never more than `most`. */
static size_t insert(process *best, size_t count, size_t most, const process *one, bool by_cpu)
{
    size_t place = count;
    while (place > 0 && is_before(one, &best[place - 1], by_cpu)) {
        place--;
    }
    if (place == most) {
        return count;
    }
    size_t kept = count < most ? count : most - 1;
    memmove(&best[place + 1], &best[place], (kept - place) * sizeof *best);
    best[place] = *one;
    return kept + 1;
}

static json_t *describe_all(const process *best, size_t count, json_int_t all)
{
    json_t *told = json_array();
    for (size_t each = 0; each < count; each++) {
        json_array_append_new(told, describe(&best[each]));
    }
    return json_pack("{s:o,s:I}", "processes", told, "all", all);
}

void tell_processes(mcp_call *call, const json_t *arguments, void *own)
{
    const json_t *by = json_object_get(arguments, "by"), *wanted = json_object_get(arguments, "count");
    bool by_cpu = by && strcmp(json_string_value(by), "cpu") == 0;
    size_t most = wanted ? (size_t)json_integer_value(wanted) : 10, count = 0;
    process best[MOST], one;
    json_int_t all = 0;
    DIR *folder = opendir(own);
    if (!folder) {
        mcp_fail(call, "The kernel does not tell its processes here.");
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) && !mcp_cancelled(call);) {
        if (isdigit((unsigned char)*entry->d_name) && read_process(own, atoll(entry->d_name), &one)) {
            count = insert(best, count, most, &one, by_cpu);
            all++;
        }
    }
    closedir(folder);
    mcp_give(call, describe_all(best, count, all));
}

void tell_process(mcp_call *call, const json_t *arguments, void *own)
{
    json_int_t pid = json_integer_value(json_object_get(arguments, "pid"));
    process one;
    if (read_process(own, pid, &one)) {
        mcp_give(call, describe(&one));
    } else {
        mcp_fail(call, "There is no process %lld.", (long long)pid);
    }
}

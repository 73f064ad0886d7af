/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * What the files of this plugin know of each other.
 */

#ifndef SYSTEM_H
#define SYSTEM_H

#include <mcp.h>

/* Read a file in a folder, /proc or one like it, at once, for the kernel tells a moment's
 * state in one read.  Returns how many bytes it has, at most room - 1, and puts
 * a NUL behind them; -1: it is not there, or no more. */
long read_file(const char *folder, const char *name, char *text, size_t room);

/* The tools; `own` is that folder. */
void tell_load(mcp_call *call, const json_t *arguments, void *own);
void tell_memory(mcp_call *call, const json_t *arguments, void *own);
void tell_disks(mcp_call *call, const json_t *arguments, void *own);
void tell_processes(mcp_call *call, const json_t *arguments, void *own);
void tell_process(mcp_call *call, const json_t *arguments, void *own);

#endif

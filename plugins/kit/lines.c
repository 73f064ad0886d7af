/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * Lines out of a stream of bytes, and bytes into one.
 */

#define _POSIX_C_SOURCE 200809L

#include "inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool fill(mcp_lines *lines)
{
    if (lines->begin > 0) {
        memmove(lines->kept, lines->kept + lines->begin, lines->end - lines->begin);
        lines->end -= lines->begin;
        lines->begin = 0;
    }
    if (lines->end > MCP_MESSAGE) {
        /* Bounded: whoever never sends a newline fills no memory. */
        lines->end = 0;
        lines->skipping = true;
    }
    lines->seen = lines->end;
    ssize_t count;
    do {
        count = read(lines->fd, lines->kept + lines->end, MCP_MESSAGE + 1 - lines->end);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        lines->end += (size_t)count;
    }
    return count > 0;
}

mcp_found mcp_next_line(mcp_lines *lines, const char **line, size_t *length)
{
    const char *newline;
    while ((newline = memchr(lines->kept + lines->seen, '\n', lines->end - lines->seen)) == NULL) {
        if (!fill(lines)) {
            return MCP_NO_LINE;
        }
    }
    bool skipped = lines->skipping;
    lines->skipping = false;
    *line = lines->kept + lines->begin;
    *length = (size_t)(newline - *line);
    lines->begin = lines->seen = (size_t)(newline - lines->kept) + 1;
    return skipped ? MCP_LONG_LINE : MCP_LINE;
}

void mcp_write(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t count = write(fd, data, length);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            _exit(0);
        }
        data += count;
        length -= (size_t)count;
    }
}

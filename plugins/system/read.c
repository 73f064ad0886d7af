/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * Files of the kernel.
 */

#define _POSIX_C_SOURCE 200809L

#include "system.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

long read_file(const char *folder, const char *name, char *text, size_t room)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        return -1;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return -1;
    }
    ssize_t size = read(file, text, room - 1);
    close(file);
    text[size > 0 ? size : 0] = '\0';
    return size;
}

/* Copyright (c) mcpd contributors.  See LICENSE for details.
 *
 * The disks: file systems that have a device of this machine.
 *
 * A file system of a server that is gone blocks whoever asks for it, for ever
 * and beyond any signal.  So only kinds that are known to be local are asked,
 * and nothing that is mounted beneath another kind, for even the way there
 * goes through it.
 */

#define _POSIX_C_SOURCE 200809L

#include "system.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define MOST 64          /* disks that are told */
#define CONSIDERED 4096  /* mounts that are looked at */
#define LINE_LENGTH 8192 /* bytes of a line of mountinfo that are read; the rest are options */

typedef struct {
    unsigned device[2]; /* major and minor */
    char *path, *kind;
} mount;

typedef struct {
    size_t count;
    mount each[CONSIDERED];
} mounts;

static const char *const local[] = {"bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4",
                                    "f2fs", "hfsplus", "iso9660", "jfs", "msdos", "nilfs2", "ntfs",
                                    "ntfs3", "overlay", "reiserfs", "squashfs", "udf", "vfat", "xfs",
                                    "zfs", NULL};
static const char *const kernels[] = {"devtmpfs", "ramfs", "rootfs", "tmpfs", NULL};

static bool is_among(const char *kind, const char *const *kinds)
{
    while (*kinds && strcmp(kind, *kinds) != 0) {
        kinds++;
    }
    return *kinds != NULL;
}

/* Undo what the kernel does to white space and backslashes: \040. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned byte;
        if (sscanf(from, "\\%3o", &byte) == 1 && strlen(from) >= 4) {
            *to = (char)byte;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* Read a line as proc_pid_mountinfo(5) says:
 * id, parent, major:minor, root, path, options, tags..., "-", kind, source, options. */
static bool read_mount(const char *line, mount *read)
{
    char path[PATH_MAX * 2], kind[64];
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(rest, " - %63s", kind) != 1 ||
        sscanf(line, "%*d %*d %u:%u %*s %8191s", &read->device[0], &read->device[1], path) != 3) {
        return false;
    }
    unescape(path);
    read->path = strdup(path);
    read->kind = strdup(kind);
    return read->path && read->kind;
}

static bool read_mounts(const char *folder, mounts *read)
{
    char name[PATH_MAX], line[LINE_LENGTH];
    snprintf(name, sizeof name, "%s/self/mountinfo", folder);
    FILE *file = fopen(name, "re");
    read->count = 0;
    while (file && read->count < CONSIDERED && fgets(line, sizeof line, file)) {
        read->count += read_mount(line, &read->each[read->count]);
    }
    if (file) {
        fclose(file);
    }
    return file != NULL;
}

static void forget(mounts *read)
{
    for (size_t each = 0; each < read->count; each++) {
        free(read->each[each].path);
        free(read->each[each].kind);
    }
    free(read);
}

static bool is_at_or_beneath(const char *path, const char *folder)
{
    size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Say whether a mount is a disk that can be asked without a doubt. */
static bool is_safe(const mounts *all, const mount *one)
{
    if (!is_among(one->kind, local)) {
        return false;
    }
    for (size_t each = 0; each < all->count; each++) {
        const mount *other = &all->each[each];
        bool known = is_among(other->kind, local) || is_among(other->kind, kernels);
        if (!known && is_at_or_beneath(one->path, other->path)) {
            return false;
        }
    }
    return true;
}

/* Say whether a disk was mounted before, in another place or in the same one. */
static bool is_again(const mounts *all, size_t one)
{
    for (size_t each = 0; each < one; each++) {
        if (memcmp(all->each[each].device, all->each[one].device, sizeof all->each[one].device) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *describe(const mount *disk, const struct statvfs *told)
{
    json_int_t block = (json_int_t)told->f_frsize;
    return json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:b}", "path", mcp_string(disk->path, strlen(disk->path)),
                     "type", disk->kind, "total", (json_int_t)told->f_blocks * block, "free",
                     (json_int_t)told->f_bfree * block, "available", (json_int_t)told->f_bavail * block,
                     "files", (json_int_t)told->f_files, "files_free", (json_int_t)told->f_ffree,
                     "read_only", (told->f_flag & ST_RDONLY) != 0);
}

void tell_disks(mcp_call *call, const json_t *arguments, void *own)
{
    (void)arguments;
    mounts *all = malloc(sizeof *all);
    if (!all || !read_mounts(own, all)) {
        free(all);
        mcp_fail(call, "The kernel does not tell its mounts here.");
        return;
    }
    json_t *disks = json_array();
    json_int_t skipped = 0;
    for (size_t each = 0; each < all->count && !mcp_cancelled(call); each++) {
        const mount *one = &all->each[each];
        struct statvfs told;
        if (is_again(all, each)) {
            continue;
        }
        if (json_array_size(disks) < MOST && is_safe(all, one) && statvfs(one->path, &told) == 0) {
            json_array_append_new(disks, describe(one, &told));
        } else {
            skipped++;
        }
    }
    forget(all);
    mcp_give(call, json_pack("{s:o,s:I}", "disks", disks, "skipped", skipped));
}

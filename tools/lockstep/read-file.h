/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that a user names. */
#pragma once

#include <glib.h>

/* of a playlist: some 50,000 segments are 5 MiB */
#define READ_FILE_PLAYLIST (64 * 1024 * 1024)

/* The whole of a regular file of at most @max_bytes, with a NUL behind; NULL with @error,
 * which names it. Nothing else is opened so that it could wait: devices have no end. */
char *read_file (const char *path, gsize max_bytes, gsize * length,
    GError ** error);
/* The same, or what a pipe brings up to its end: <(command), /dev/stdin, a FIFO. One that no
 * one writes to, or that brings nothing for 10 s, is an error. */
char *read_file_or_pipe (const char *path, gsize max_bytes, gsize * length,
    GError ** error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stdin, stdout and stderr as whoever started this left them. */
#pragma once

/* Before anything is opened: a descriptor that is closed would become a file's or a
 * socket's. From then on g_print() writes what it is given, in any locale. */
void standard_io_init (void);

/* At the end. Returns: @status, or EXIT_OUTPUT where it was 0 and not all could be written
 * to stdout, which is said */
int standard_io_finish (int status);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that holds one channel's pipeline. */
#pragma once

/* Serves the front on the socket @fd until the session is over. Does not return. */
int worker_run (int fd) __attribute__ ((noreturn));

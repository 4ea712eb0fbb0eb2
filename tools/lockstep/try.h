/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Short test runs of choices: an encoder that is there may still not work. */
#pragma once

#include <glib.h>

/* What `lockstep try LINE` does: runs a launch line until it ends. The exit status is 0
 * where it ends well; else stderr has the reason. */
int try_run (const char *line);

/* Why the launch fragment does not work on this machine; NULL: it does, or there is
 * nothing that it could be tried with. @test: the line to run; NULL: a test picture or
 * tone goes through it, where it takes one. Runs in a process of its own; the result is
 * kept for this machine and GStreamer version. */
char *try_choice (const char *launch, const char *test, gpointer unused);

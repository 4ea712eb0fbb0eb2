/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text of data channels on stdin and stdout: a line is a message. */
#pragma once

#include <json-glib/json-glib.h>

typedef struct _TextLines TextLines;

typedef void (*TextLinesRead) (const char *line, gpointer user_data);

/* Reads stdin from now on: @read gets each line, without its end. */
TextLines *text_lines_new (const char *label, TextLinesRead read,
    gpointer user_data);
void text_lines_free (TextLines * lines);
/* While @hold, no more is read: what writes to stdin waits. */
void text_lines_hold (TextLines * lines, gboolean hold);
/* Prints what a peer of @channel sent. Never blocks. */
void text_lines_print (TextLines * lines, const char *channel,
    const char *text);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to somebody else's server, whose replies have a bound in length and in time. */
#pragma once

#include <libsoup/soup.h>

/* Sends @msg. No more than @max_bytes and one of the reply's body are read. */
void http_reply_request (SoupSession * session, SoupMessage * msg,
    gsize max_bytes, GCancellable * cancellable, GAsyncReadyCallback callback,
    gpointer user_data);
/* The body, and in @msg the message, which @result holds. More than the bound: it was cut
 * there. NULL with @error: there was no whole reply in time. */
GBytes *http_reply_finish (GAsyncResult * result, SoupMessage ** msg,
    GError ** error);

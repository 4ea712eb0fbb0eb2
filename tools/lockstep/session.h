/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of the front's, publisher or viewer: it waits for the answer to its offer,
 * then for those to its candidates. */
#pragma once

#include "worker-pool.h"

typedef struct _Session Session;

/* The answer to an offer: 201 with @text the SDP, or to candidates: 204; else a status
 * with @text why. */
typedef void (*SessionReply) (guint status, const char *text,
    gpointer user_data);
/* No answer came in time; the client has been told. */
typedef void (*SessionLate) (Session * session, gpointer user_data);

/* @reply is called once, with @reply_data. */
Session *session_new (SessionReply reply, gpointer reply_data,
    SessionLate late, gpointer late_data);
/* Tells who still waits that the session is over. */
void session_free (Session * session);

/* What its URL ends in: cannot be guessed (RFC 9725, section 5). */
const char *session_get_id (Session * session);
const char *session_get_etag (Session * session);

/* Whether the client still waits for the answer to its offer. */
gboolean session_is_waiting (Session * session);
/* Answers the offer, if it is still waited for. */
void session_answer (Session * session, guint status, const char *text);
/* The client went away before its answer. */
void session_forget_client (Session * session);

/* Asks @worker to add candidates. @viewer: whether the session is a viewer's. */
void session_trickle (Session * session, WorkerProc * worker, gboolean viewer,
    const char *sdpfrag, SessionReply reply, gpointer reply_data);
/* The worker's "trickled". */
void session_trickled (Session * session, JsonObject * message);
/* The client went away before the reply. */
void session_cancel_trickle (Session * session, gpointer reply_data);

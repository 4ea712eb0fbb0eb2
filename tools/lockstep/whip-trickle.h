/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Candidates that follow a WHIP offer, sent by PATCH (RFC 9725, section 4.3.1). */
#pragma once

#include <libsoup/soup.h>

typedef struct _WhipTrickle WhipTrickle;

typedef struct
{
  /* A request to the server, with what it needs of authorization. */
  SoupMessage *(*request) (const char *method, GUri * uri, gpointer user_data);
  /* The server does not take them: nothing more is sent. */
  void (*refused) (guint status, gpointer user_data);
} WhipTrickleCallbacks;

WhipTrickle *whip_trickle_new (SoupSession * session,
    const WhipTrickleCallbacks * callbacks, gpointer user_data);
/* What is under way is called off. */
void whip_trickle_free (WhipTrickle * trickle);
/* One candidate; NULL: there will be no more. Kept until the session is open. */
void whip_trickle_add (WhipTrickle * trickle, const char *candidate);
/* The server took @offer, and made @resource of it. @etag: of its answer; NULL: none. */
void whip_trickle_open (WhipTrickle * trickle, const char *offer,
    GUri * resource, const char *etag);

/* When a server that is busy wants to be asked again (RFC 9110, section 10.2.3); 0: it
 * does not say. */
guint whip_retry_after_ms (SoupMessage * msg);

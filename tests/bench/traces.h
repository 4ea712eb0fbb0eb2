/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams to be carried: real delay traces and seeded synthetic ones. */
#pragma once

#include <glib.h>

/* One packet of a stream of one packet each 20 ms. */
typedef struct
{
  double sent;                  /* s, by the receiver's clock */
  double media;                 /* s, by the sender's clock */
  double arrival;               /* s, by the receiver's clock */
  gboolean lost;
} TracePacket;

typedef struct
{
  char *name;
  GArray *packets;              /* TracePacket, in order of media time */
  double least;                 /* s: least transit (arrival - sent) */
} Trace;

/* @folder: of .trace files ("pub_ms sub_ms" in rows); NULL, or none there: the
 * synthetic ones only. (transfer full): Trace */
GPtrArray *traces_load (const char *folder);

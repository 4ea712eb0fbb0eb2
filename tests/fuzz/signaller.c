/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any messages, one a line, from a signalling server. The first byte chooses the
 * protocol; '#' before a message: it comes over a data channel, as bytes; '%': as the zlib
 * stream of the rest. */
#include <gst/lockstep/deflate.h>
#include <gst/lockstep/signaller.h>
#include <gst/lockstep/simulcast.h>

#include <string.h>

#define SECOND (G_GINT64_CONSTANT (1000000000))

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

/* Each offer is answered once at most. */
static void
drain (LockstepSignaller * s, gint64 * now)
{
  LockstepSignal *signal;

  while ((signal = lockstep_signaller_next (s)) != NULL) {
    switch (signal->type) {
      case LOCKSTEP_SIGNAL_MAKE_OFFER:
        lockstep_signaller_description (s, TRUE, "v=0\r\n");
        break;
      case LOCKSTEP_SIGNAL_OFFER:
        lockstep_signaller_description (s, FALSE, "v=0\r\n");
        lockstep_signaller_description (s, FALSE, "v=0 twice");
        lockstep_signaller_candidate (s, 0, "0", "candidate:1");
        break;
      case LOCKSTEP_SIGNAL_ENCODINGS:
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (GArray) all = lockstep_encodings_parse (signal->text,
            &error);

        g_assert_true ((all == NULL) == (error != NULL));
      }
        break;
      case LOCKSTEP_SIGNAL_STATS:
        lockstep_signaller_stats (s, "[]");
        break;
      case LOCKSTEP_SIGNAL_REDIRECT:
        lockstep_signaller_opened (s, *now);
        break;
      case LOCKSTEP_SIGNAL_SEND:
        g_assert_nonnull (signal->text);
        g_assert_null (strstr (signal->text, "v=0 twice"));
        break;
      case LOCKSTEP_SIGNAL_CLOSED:
        /* it may repeat what the server gave as its reason */
        g_assert_nonnull (signal->text);
        break;
      default:
        break;
    }
    lockstep_signal_free (signal);
  }
  *now += SECOND;
  lockstep_signaller_tick (s, *now);
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  LockstepSignallerConfig config = {.channel = "room",.audio = TRUE,
    .video = TRUE,.data_channel_signaling = TRUE
  };
  g_autoptr (LockstepSignaller) s = NULL;
  gint64 now = 0;

  config.protocol = size > 0 && data[0] == 's' ? LOCKSTEP_SIGNALLER_SORA
      : LOCKSTEP_SIGNALLER_AYAME;
  s = lockstep_signaller_new (&config, NULL);
  lockstep_signaller_opened (s, now);
  if (size > 0) {
    data++;
    size--;
  }
  while (size > 0) {
    const guint8 *end = memchr (data, '\n', size);
    gsize n = end ? (gsize) (end - data) : size;
    const char *text = (const char *) data;

    if (n > 0 && text[0] == '#') {
      lockstep_signaller_data (s, "stats", text + 1, n - 1, now);
      lockstep_signaller_data (s, "signaling", text + 1, n - 1, now);
    } else if (n > 0 && text[0] == '%') {
      g_autoptr (GBytes) stream = lockstep_deflate (text + 1, n - 1);
      gsize length;
      const char *bytes = g_bytes_get_data (stream, &length);

      lockstep_signaller_data (s, "signaling", bytes, length, now);
    } else {
      lockstep_signaller_message (s, NULL, text, n, now);
    }
    drain (s, &now);
    data += n + (end != NULL);
    size -= n + (end != NULL);
  }
  lockstep_signaller_close (s);
  drain (s, &now);
  return 0;
}

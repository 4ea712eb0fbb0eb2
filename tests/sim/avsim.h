/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sender, a path and a receiver in numbers: what a lip-sync algorithm gets to
 * see, and how far off it was. For tests and benches. */
#pragma once

#include <glib.h>
#include <gst/lockstep/avsync.h>

G_BEGIN_DECLS

#define SIM_MS (G_GINT64_CONSTANT (1000000))
#define SIM_SECOND (G_GINT64_CONSTANT (1000000000))

/* A path: delays of messages by the time they were sent, in order. */
typedef struct
{
  char *name;
  guint n;
  gint64 *sent, *delay;         /* ns from the first */
} SimTrace;

typedef enum
{
  SIM_REPORTS_NONE,
  SIM_REPORTS_CLEAN,
  SIM_REPORTS_LATE,             /* each 2 s on the way */
  SIM_REPORTS_ONE_STREAM,       /* audio only */
  SIM_REPORTS_WRONG_HOUR,       /* video's clock is an hour off */
  SIM_REPORTS_WRONG_400MS,      /* video's clock is 400 ms off */
  SIM_REPORTS_JUMPING,          /* one in three is up to 500 ms off */
  SIM_REPORTS_JUMP_ONCE,        /* video's clock jumps by 80 ms, for 20 s */
  SIM_REPORTS_FROM_ARRIVALS,    /* a relay behind the path made them */
  SIM_REPORTS_WRONG_RATE,       /* video's NTP clock is 1 % fast */
  SIM_REPORTS_SLOW_RATE,        /* video's NTP clock is 1000 ppm fast */
  SIM_REPORTS_SCATTERED,        /* audio's are up to 8.5 ms either side */
  SIM_REPORTS_LAST
} SimReports;

const char *sim_reports_name (SimReports reports);

typedef struct
{
  const SimTrace *trace;        /* NULL: no delay */
  gint64 trace_start;           /* where in it the stream begins, ns */
  gint64 duration;
  guint fps;
  gint64 audio_ptime;
  gint64 key_interval, key_spread;      /* a keyframe's packets are paced over it */
  gint64 first_frame_late;
  gint64 step_at, step, step_back_at;   /* of the common path */
  gdouble audio_ppm, video_ppm; /* how fast the sender's media clocks run */
  gint64 video_encode;          /* what the encoder holds each frame for */
  gdouble loss, reorder;        /* shares of the packets */
  SimReports reports;
  gint64 report_interval;
  gboolean capture_times;       /* abs-capture-time on every packet */
  guint32 seed;
} SimConfig;

typedef enum
{
  SIM_AUDIO,
  SIM_VIDEO,
  SIM_STREAMS
} SimStream;

typedef struct
{
  SimStream stream;
  gboolean is_report;
  gboolean key;
  guint16 seqnum;
  gboolean marker;
  guint32 timestamp;
  gint64 sent, arrival;         /* ns */
  gint64 capture;               /* true time of the media, ns */
  guint64 ntp;                  /* of a report, or of the capture */
} SimPacket;

typedef struct
{
  GArray *packets;              /* SimPacket, by arrival */
} SimRun;

#define SIM_AUDIO_RATE 48000
#define SIM_VIDEO_RATE 90000

/**
 * SimResult:
 * @audio_steps: audio packets whose spacing was not that of their RTP time
 * @video_back: video frames whose timestamp was not above the one before
 * @errors: (element-type gint64): A/V error of each video frame, positive when
 *   video is later than audio
 * @times: (element-type gint64): when each was given out, from the first packet
 * @second_report: when both streams had two reports, from the first packet; -1
 */
typedef struct
{
  guint audio_steps, video_back;
  gint64 longest_hold;
  GArray *errors, *times;
  gint64 second_report;
  LockstepAvStats stats;        /* video's, at the end */
} SimResult;

SimConfig sim_config (const SimTrace * trace, guint fps, guint32 seed);
GPtrArray *sim_load_traces (const char *source_root);
GPtrArray *sim_make_traces (void);
void sim_trace_free (SimTrace * trace);
SimRun *sim_run_new (const SimConfig * config);
void sim_run_free (SimRun * run);
SimResult *sim_result_new (void);
void sim_result_free (SimResult * result);
SimResult *sim_lockstep (const SimRun * run, const LockstepAvConfig * config);
void sim_result_add (SimResult * result, gint64 error, gint64 at);
gint64 sim_result_quantile (const SimResult * result, gint64 from, gint64 to,
    gdouble quantile);
guint32 sim_random (guint32 * state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimRun, sim_run_free);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimResult, sim_result_free);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a libFuzzer target without libFuzzer: each file of the corpus, then
 * seeded mutations of them, so that the same inputs come each time.
 *
 *   fuzz-NAME FILE|FOLDER...      LOCKSTEP_FUZZ_RUNS: mutations (20000),
 *                                 LOCKSTEP_FUZZ_SEED: their seed (1)
 *
 * A crash leaves its input in fuzz-crash.bin of the working folder. */
#include <gio/gio.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define MAX_BYTES (96 * 1024)

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

static const guint8 *current;
static gsize current_size;

static void
on_crash (int number)
{
  static const char name[] = "fuzz-crash.bin";
  GError *error = NULL;

  /* the process is lost: what is not safe in a handler may be tried */
  g_file_set_contents (name, (const char *) current, current_size, &error);
  signal (number, SIG_DFL);
  raise (number);
}

static void
run_one (const guint8 * data, gsize size)
{
  /* of its exact size, so that a sanitizer sees each byte read past it */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  current = data;
  current_size = size;
  LLVMFuzzerTestOneInput (copy, size);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
load (const char *path, GPtrArray * corpus)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autoptr (GError) error = NULL;
  const char *name;
  char *data;
  gsize size;

  if (dir != NULL) {
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

    while ((name = g_dir_read_name (dir)) != NULL)
      g_ptr_array_add (names, g_build_filename (path, name, NULL));
    /* a folder has no order of its own, and the seed must mean the same */
    g_ptr_array_sort (names, compare_names);
    for (guint i = 0; i < names->len; i++)
      load (names->pdata[i], corpus);
    return;
  }
  if (!g_file_get_contents (path, &data, &size, &error))
    g_error ("%s", error->message);
  g_ptr_array_add (corpus, g_bytes_new_take (data, size));
}

/* A random stretch of @bytes. */
static void
pick_range (GRand * rand, const GByteArray * bytes, guint * at, guint * n)
{
  *at = g_rand_int_range (rand, 0, bytes->len);
  *n = g_rand_int_range (rand, 1, 1 + MIN (64, bytes->len - *at));
}

/* The line that holds byte @at, its end included. */
static void
line_range (const GByteArray * bytes, guint * at, guint * n)
{
  guint end = *at;

  while (*at > 0 && bytes->data[*at - 1] != '\n')
    (*at)--;
  while (end < bytes->len && bytes->data[end] != '\n')
    end++;
  *n = MIN (end + 1, bytes->len) - *at;
}

static void
insert (GByteArray * bytes, guint at, const guint8 * data, guint n)
{
  g_autofree guint8 *copy = g_memdup2 (data, n);
  const guint old = bytes->len;

  if (n == 0 || old + n > MAX_BYTES)
    return;
  g_byte_array_set_size (bytes, old + n);
  memmove (bytes->data + at + n, bytes->data + at, old - at);
  memcpy (bytes->data + at, copy, n);
}

static void
mutate (GRand * rand, GByteArray * bytes, const GPtrArray * corpus)
{
  static const char *const numbers[] = {
    "0", "-1", "255", "256", "65535", "65536", "2147483648", "4294967296",
    "99999999999999999999", "", " ", "\r", "%n", "\xff"
  };
  guint at, n;

  if (bytes->len == 0) {
    const guint8 byte = g_rand_int_range (rand, 0, 256);

    g_byte_array_append (bytes, &byte, 1);
    return;
  }
  pick_range (rand, bytes, &at, &n);
  switch (g_rand_int_range (rand, 0, 8)) {
    case 0:
      bytes->data[at] = g_rand_int_range (rand, 0, 256);
      break;
    case 1:
      bytes->data[at] ^= 1 << g_rand_int_range (rand, 0, 8);
      break;
    case 2:
      g_byte_array_remove_range (bytes, at, n);
      break;
    case 3:                    /* a line away */
      line_range (bytes, &at, &n);
      g_byte_array_remove_range (bytes, at, n);
      break;
    case 4:                    /* a line twice, or somewhere else */
      line_range (bytes, &at, &n);
      insert (bytes, g_rand_boolean (rand) ? at
          : (guint) g_rand_int_range (rand, 0, bytes->len), bytes->data + at,
          n);
      break;
    case 5:{                   /* a stretch of another file */
      GBytes *other = corpus->pdata[g_rand_int_range (rand, 0, corpus->len)];
      gsize size;
      const guint8 *data = g_bytes_get_data (other, &size);

      if (size > 0) {
        const guint from = g_rand_int_range (rand, 0, size);

        insert (bytes, at, data + from, MIN (size - from, n * 4));
      }
      break;
    }
    case 6:{                   /* a number or nonsense for a word */
      const char *text =
          numbers[g_rand_int_range (rand, 0, G_N_ELEMENTS (numbers))];

      while (at < bytes->len && !g_ascii_isalnum (bytes->data[at]))
        at++;
      n = 0;
      while (at + n < bytes->len && g_ascii_isalnum (bytes->data[at + n]))
        n++;
      g_byte_array_remove_range (bytes, at, n);
      insert (bytes, at, (const guint8 *) text, strlen (text));
      break;
    }
    default:
      g_byte_array_set_size (bytes, at);
  }
}

static guint
number_from_env (const char *name, guint fallback)
{
  guint64 value;
  const char *text = g_getenv (name);

  if (text == NULL)
    return fallback;
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT, &value, NULL))
    g_error ("%s is not a number: %s", name, text);
  return value;
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) corpus =
      g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  const guint runs = number_from_env ("LOCKSTEP_FUZZ_RUNS", 20000);
  const guint seed = number_from_env ("LOCKSTEP_FUZZ_SEED", 1);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  static const int signals[] = { SIGSEGV, SIGABRT, SIGTRAP, SIGFPE, SIGBUS };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    signal (signals[i], on_crash);
  for (int i = 1; i < argc; i++)
    load (argv[i], corpus);
  if (corpus->len == 0)
    g_error ("usage: %s FILE|FOLDER...", argv[0]);

  for (guint i = 0; i < corpus->len; i++) {
    gsize size;
    const guint8 *data = g_bytes_get_data (corpus->pdata[i], &size);

    run_one (data, size);
  }
  for (guint i = 0; i < runs; i++) {
    GBytes *base = corpus->pdata[g_rand_int_range (rand, 0, corpus->len)];
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    gsize size;
    const guint8 *data = g_bytes_get_data (base, &size);

    g_byte_array_append (bytes, data, MIN (size, MAX_BYTES));
    for (gint m = g_rand_int_range (rand, 1, 6); m > 0; m--)
      mutate (rand, bytes, corpus);
    run_one (bytes->data, bytes->len);
  }
  g_print ("%u files and %u mutations, seed %u\n", corpus->len, runs, seed);
  return 0;
}

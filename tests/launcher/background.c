/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program as a job in the background of a terminal, in which somebody has typed a line
 * that is no UTF-8. SIGUSR1 brings it to the foreground, SIGTERM is handed on.
 *   background PROGRAM [ARGUMENT…] */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int terminal;
static pid_t job;

static void
handle (int number)
{
  if (number == SIGUSR1)
    tcsetpgrp (terminal, job);
  else
    kill (job, number);
}

int
main (int argc, char **argv)
{
  int typing = posix_openpt (O_RDWR | O_NOCTTY);
  int status;

  if (argc < 2 || typing < 0 || grantpt (typing) != 0 || unlockpt (typing) != 0) {
    perror ("background");
    return 1;
  }
  /* a leader of a process group cannot begin a session */
  if (getpgrp () == getpid ()) {
    job = fork ();
    if (job != 0) {
      signal (SIGUSR1, handle);
      signal (SIGTERM, handle);
      while (waitpid (job, &status, 0) < 0);
      return WIFEXITED (status) ? WEXITSTATUS (status) : 1;
    }
  }
  setsid ();
  terminal = open (ptsname (typing), O_RDWR);
  signal (SIGTTOU, SIG_IGN);
  job = fork ();
  if (job == 0) {
    signal (SIGTTOU, SIG_DFL);
    setpgid (0, 0);
    dup2 (terminal, STDIN_FILENO);
    close (terminal);
    close (typing);
    execvp (argv[1], argv + 1);
    perror (argv[1]);
    _exit (127);
  }
  setpgid (job, job);
  signal (SIGUSR1, handle);
  signal (SIGTERM, handle);
  if (write (typing, "\xff\n", 2) != 2)
    perror ("background");
  while (waitpid (job, &status, WUNTRACED) < 0 || WIFSTOPPED (status));
  return WIFEXITED (status) ? WEXITSTATUS (status) : 1;
}

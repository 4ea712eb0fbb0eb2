/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notify-socket PATH: a service manager's end of sd_notify(3). Prints each datagram that
 * comes, with " | " between its lines. A PATH that begins with '@' is an abstract name. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int
main (int argc, char **argv)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_DGRAM, 0);
  char text[4096];
  ssize_t size;

  if (argc != 2 || strlen (argv[1]) >= sizeof address.sun_path)
    return 64;
  memcpy (address.sun_path, argv[1], strlen (argv[1]));
  if (argv[1][0] == '@')
    address.sun_path[0] = '\0';
  if (fd < 0 || bind (fd, (struct sockaddr *) &address,
          offsetof (struct sockaddr_un, sun_path) + strlen (argv[1])) != 0)
  {
    perror (argv[1]);
    return 69;
  }
  puts ("listening");
  fflush (stdout);
  while ((size = recv (fd, text, sizeof text - 1, 0)) >= 0) {
    text[size] = '\0';
    for (char *line = text, *end; line != NULL; line = end) {
      end = strchr (line, '\n');
      if (end != NULL)
        *end++ = '\0';
      printf ("%s%s", line, end != NULL ? " | " : "\n");
    }
    fflush (stdout);
  }
  return 70;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the program is doing: the terminal's last line, and the service manager's status. */
#pragma once

#include "channel.h"

/* Shows it each second until the program ends. */
void status_start (ChannelTable * channels);
/* Takes the line off the terminal. */
void status_stop (void);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether AddressSanitizer is built in: it keeps what was freed, so that a process grows by
 * hundreds of MiB, and takes its time. gcc says so by a macro, clang by a feature. */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature (address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifndef ADDRESS_SANITIZER
#define ADDRESS_SANITIZER 0
#endif

/* Time: monotonic, for everything that is measured or awaited. */
#ifndef PERUSERD_BASE_CLOCK_H
#define PERUSERD_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);        /* CLOCK_MONOTONIC, milliseconds */
uint64_t clock_us(void);        /* CLOCK_MONOTONIC, microseconds */
uint64_t clock_coarse_ms(void); /* CLOCK_MONOTONIC to a tick of the kernel (4 ms): cheaper */

#endif

/*
 * A status as OpenMetrics text, for Prometheus and its like.  A pool appears
 * once somebody has asked for it, or it has failed.
 */
#ifndef PERUSERD_STATUS_METRICS_H
#define PERUSERD_STATUS_METRICS_H

#include <stdbool.h>

#include "base/buf.h"
#include "status/view.h"

#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

bool metrics_write(const struct view *view, struct buf *out);

#endif

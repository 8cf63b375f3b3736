/* Latencies in constant memory: 64 buckets for each power of two microseconds, so a percentile is off by 1.6 %
 * at most. */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS (64 * 40)

struct latency {
	uint64_t n, max_us;
	uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t us);
/* The upper edge of the bucket in which this share of all lies; 0 when there is none. */
double latency_ms(const struct latency *latency, double share);

#endif

/* Latencies in buckets that grow with what they hold.
 *
 *   0..127 us   one bucket each
 *   from 128    the six bits behind the leading one choose among the 64 buckets of that power of two */
#include "latency.h"

#define FINE 6 /* bits behind the leading one */

static unsigned bucket_of(uint64_t us)
{
	unsigned shift;

	if (us < 2u << FINE)
		return (unsigned)us;
	shift = 63u - (unsigned)__builtin_clzll(us) - FINE;
	return (shift << FINE) + (unsigned)(us >> shift);
}

static uint64_t edge_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2u << FINE)
		return bucket;
	shift = (bucket >> FINE) - 1;
	return (((uint64_t)bucket - ((uint64_t)shift << FINE) + 1) << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t us)
{
	unsigned bucket = bucket_of(us);

	latency->buckets[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1]++;
	latency->n++;
	if (us > latency->max_us)
		latency->max_us = us;
}

double latency_ms(const struct latency *latency, double share)
{
	uint64_t seen = 0, wanted = (uint64_t)((double)latency->n * share);

	if (latency->n == 0)
		return 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency->buckets[i];
		if (seen > wanted) {
			uint64_t edge = edge_of(i);

			return (double)(edge < latency->max_us ? edge : latency->max_us) / 1000.0;
		}
	}
	return (double)latency->max_us / 1000.0;
}

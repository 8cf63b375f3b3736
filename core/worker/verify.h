/* The job "verify": asks a project's provider whether a deployment would work, and writes down what it says. */
#ifndef WORKER_VERIFY_H
#define WORKER_VERIFY_H

#include "worker/reconcile.h"

AWAITS struct outcome verify_provider(struct call *call, void *reconciler, const struct job *job);

#endif

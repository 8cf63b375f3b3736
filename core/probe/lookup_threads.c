/* Calls of getaddrinfo, each on a thread of its own.
 *
 * A thread that nobody waits for any more ends by itself, also after the resolver was closed: it shares with us only
 * the mailbox, which the last one of us to let go frees. */
#include "probe/inner.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define STACK_SIZE (512 * 1024)

struct mailbox {
	pthread_mutex_t lock;
	unsigned refs;
	struct job *done;
	uv_async_t *wake; /* NULL = closed */
};

static void mailbox_unref_locked(struct mailbox *mailbox)
{
	bool last = --mailbox->refs == 0;

	pthread_mutex_unlock(&mailbox->lock);
	if (last) {
		pthread_mutex_destroy(&mailbox->lock);
		free(mailbox);
	}
}

void job_free(struct job *job)
{
	if (job->info)
		freeaddrinfo(job->info);
	free(job);
}

static void *look_up(void *arg)
{
	struct job *job = arg;
	struct mailbox *mailbox = job->mailbox;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

	job->error = getaddrinfo(job->host, NULL, &hints, &job->info);
	if (job->error != 0)
		job->info = NULL;
	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->wake) {
		job->next = mailbox->done;
		mailbox->done = job;
		uv_async_send(mailbox->wake);
	} else {
		job_free(job);
	}
	mailbox_unref_locked(mailbox);
	return NULL;
}

static bool thread_start(struct job *job)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	bool good;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setsigmask_np(&attributes, &all);
	good = pthread_create(&thread, &attributes, look_up, job) == 0;
	pthread_attr_destroy(&attributes);
	return good;
}

bool mailbox_look_up(struct mailbox *mailbox, const char *host)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return false;
	job->mailbox = mailbox;
	snprintf(job->host, sizeof(job->host), "%s", host);
	pthread_mutex_lock(&mailbox->lock);
	mailbox->refs++;
	pthread_mutex_unlock(&mailbox->lock);
	if (thread_start(job))
		return true;
	pthread_mutex_lock(&mailbox->lock);
	mailbox_unref_locked(mailbox);
	free(job);
	return false;
}

struct job *mailbox_take(struct mailbox *mailbox)
{
	struct job *jobs;

	pthread_mutex_lock(&mailbox->lock);
	jobs = mailbox->done;
	mailbox->done = NULL;
	pthread_mutex_unlock(&mailbox->lock);
	return jobs;
}

struct mailbox *mailbox_open(uv_async_t *wake)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (!mailbox || pthread_mutex_init(&mailbox->lock, NULL) != 0) {
		free(mailbox);
		return NULL;
	}
	mailbox->refs = 1;
	mailbox->wake = wake;
	return mailbox;
}

void mailbox_close(struct mailbox *mailbox)
{
	struct job *jobs;

	pthread_mutex_lock(&mailbox->lock);
	jobs = mailbox->done;
	mailbox->done = NULL;
	mailbox->wake = NULL;
	mailbox_unref_locked(mailbox);
	for (struct job *next; jobs; jobs = next) {
		next = jobs->next;
		job_free(jobs);
	}
}

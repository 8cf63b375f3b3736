/* libcurl, started once for the process, by whoever needs it first. On the main thread, before others use it. */
#ifndef NET_CURL_H
#define NET_CURL_H

/* Aborts with a message when it cannot be started. */
void curl_start(void);

#endif

/* How many files and sockets this process may have open. */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

/* The soft limit becomes the hard one: we use epoll, so the usual 1024, which is for select(), is of no use to us. */
void descriptors_raise(void);
/* That connections may take, with room left for the database, Redis, and log files. */
unsigned descriptors_for_connections(void);

#endif

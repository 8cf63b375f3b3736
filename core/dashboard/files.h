/* The dashboard's static files, compiled in (core/dashboard/embed.awk). */
#ifndef DASHBOARD_FILES_H
#define DASHBOARD_FILES_H

struct dashboard_file {
	const char *name; /* "index.html"; NULL ends the table */
	const char *text;
};
extern const struct dashboard_file dashboard_files[];

#endif

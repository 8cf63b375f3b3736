/* Inside core/plugin: from what a plugin filled in to structs of ours, copied and bounded at once. A text that points
 * nowhere useful is still the plugin's crash, but one that is freed or changed later is not ours. */
#ifndef PLUGIN_ANSWERS_H
#define PLUGIN_ANSWERS_H

#include "plugin/host.h"

/* E_INTERNAL with the message set when the answer breaks the interface's rules. */
int answer_deployment(struct opshub_call *c, const struct opshub_deployment *theirs, struct deployment *ret);
int answer_list(struct opshub_call *c, const struct opshub_deployment_page *theirs, struct deployment_list *ret);
int answer_log(struct opshub_call *c, const struct opshub_log_page *theirs, struct build_log *ret);
int answer_report(struct opshub_call *c, const struct opshub_report *theirs, struct report *ret);

#endif

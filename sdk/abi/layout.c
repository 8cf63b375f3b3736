/* Prints where each field of the plugin interface lies: one line "struct field offset size". check.sh compares it with
 * the record of each released version; lines may be added there, never changed.
 *
 * Owns nothing. Easy to break: a field that is missing here is not watched, so a new one gets a line here first. */
#include <opshub/notifier.h>
#include <opshub/provider.h>

#include <stdio.h>

#define FIELD(type, field)                                                                                             \
	printf("%s %s %zu %zu\n", #type, #field, offsetof(struct type, field), sizeof(((struct type *)0)->field))

static void tables(void)
{
	FIELD(opshub_host, struct_size);
	FIELD(opshub_host, abi_major);
	FIELD(opshub_host, abi_minor);
	FIELD(opshub_host, reserved);
	FIELD(opshub_host, version);
	FIELD(opshub_host, alloc);
	FIELD(opshub_host, format);
	FIELD(opshub_host, escape_url);
	FIELD(opshub_host, fail);
	FIELD(opshub_host, retry_after);
	FIELD(opshub_host, log);
	FIELD(opshub_host, now_ms);
	FIELD(opshub_host, parse_time);
	FIELD(opshub_host, left_ms);
	FIELD(opshub_host, sleep);
	FIELD(opshub_host, http);
	FIELD(opshub_host, http_header);
	FIELD(opshub_host, json_parse);
	FIELD(opshub_host, json_type);
	FIELD(opshub_host, json_get);
	FIELD(opshub_host, json_at);
	FIELD(opshub_host, json_len);
	FIELD(opshub_host, json_str);
	FIELD(opshub_host, json_int);
	FIELD(opshub_host, json_bool);
	FIELD(opshub_host, json_begin);
	FIELD(opshub_host, json_open);
	FIELD(opshub_host, json_close);
	FIELD(opshub_host, json_put_str);
	FIELD(opshub_host, json_put_int);
	FIELD(opshub_host, json_put_bool);
	FIELD(opshub_host, json_end);
	FIELD(opshub_host, redact);
	FIELD(opshub_host, count);
	FIELD(opshub_host, hmac_sha256);
	FIELD(opshub_host, base64_decode);
	FIELD(opshub_host, sign_jwt_rs256);
}

static void values(void)
{
	FIELD(opshub_http_header, name);
	FIELD(opshub_http_header, value);
	FIELD(opshub_http_request, struct_size);
	FIELD(opshub_http_request, flags);
	FIELD(opshub_http_request, method);
	FIELD(opshub_http_request, url);
	FIELD(opshub_http_request, headers);
	FIELD(opshub_http_request, n_headers);
	FIELD(opshub_http_request, header_size);
	FIELD(opshub_http_request, body);
	FIELD(opshub_http_request, body_size);
	FIELD(opshub_http_request, max_body);
	FIELD(opshub_http_request, timeout_ms);
	FIELD(opshub_http_response, struct_size);
	FIELD(opshub_http_response, status);
	FIELD(opshub_http_response, headers);
	FIELD(opshub_http_response, n_headers);
	FIELD(opshub_http_response, header_size);
	FIELD(opshub_http_response, body);
	FIELD(opshub_http_response, body_size);
	FIELD(opshub_http_response, retry_after_ms);
	FIELD(opshub_report_line, label);
	FIELD(opshub_report_line, text);
	FIELD(opshub_report_line, state);
	FIELD(opshub_report_line, reserved);
	FIELD(opshub_report, struct_size);
	FIELD(opshub_report, n_lines);
	FIELD(opshub_report, line_size);
	FIELD(opshub_report, reserved);
	FIELD(opshub_report, lines);
	FIELD(opshub_report, account);
}

static void plugin(void)
{
	FIELD(opshub_setting, key);
	FIELD(opshub_setting, label);
	FIELD(opshub_setting, help);
	FIELD(opshub_setting, initial);
	FIELD(opshub_setting, choices);
	FIELD(opshub_setting, env);
	FIELD(opshub_setting, type);
	FIELD(opshub_setting, flags);
	FIELD(opshub_setting, offset);
	FIELD(opshub_setting, reserved);
	FIELD(opshub_setting, min);
	FIELD(opshub_setting, max);
	FIELD(opshub_plugin, magic);
	FIELD(opshub_plugin, struct_size);
	FIELD(opshub_plugin, abi_major);
	FIELD(opshub_plugin, abi_minor);
	FIELD(opshub_plugin, needs_minor);
	FIELD(opshub_plugin, kind);
	FIELD(opshub_plugin, flags);
	FIELD(opshub_plugin, instance_size);
	FIELD(opshub_plugin, name);
	FIELD(opshub_plugin, version);
	FIELD(opshub_plugin, license);
	FIELD(opshub_plugin, summary);
	FIELD(opshub_plugin, settings);
	FIELD(opshub_plugin, n_settings);
	FIELD(opshub_plugin, setting_size);
	FIELD(opshub_plugin, open);
	FIELD(opshub_plugin, close);
	FIELD(opshub_plugin, ops);
}

static void provider(void)
{
	FIELD(opshub_env, key);
	FIELD(opshub_env, value);
	FIELD(opshub_env, is_secret);
	FIELD(opshub_env, reserved);
	FIELD(opshub_env, is_build_only);
	FIELD(opshub_deploy_request, struct_size);
	FIELD(opshub_deploy_request, is_fork);
	FIELD(opshub_deploy_request, attempt_id);
	FIELD(opshub_deploy_request, project_id);
	FIELD(opshub_deploy_request, project_name);
	FIELD(opshub_deploy_request, repo_full_name);
	FIELD(opshub_deploy_request, repo_id);
	FIELD(opshub_deploy_request, pr_number);
	FIELD(opshub_deploy_request, branch);
	FIELD(opshub_deploy_request, sha);
	FIELD(opshub_deploy_request, title);
	FIELD(opshub_deploy_request, env);
	FIELD(opshub_deploy_request, n_env);
	FIELD(opshub_deploy_request, env_size);
	FIELD(opshub_deployment, struct_size);
	FIELD(opshub_deployment, state);
	FIELD(opshub_deployment, reason);
	FIELD(opshub_deployment, n_probe_headers);
	FIELD(opshub_deployment, probe_header_size);
	FIELD(opshub_deployment, reserved);
	FIELD(opshub_deployment, id);
	FIELD(opshub_deployment, url);
	FIELD(opshub_deployment, stable_url);
	FIELD(opshub_deployment, inspector_url);
	FIELD(opshub_deployment, message);
	FIELD(opshub_deployment, commit_sha);
	FIELD(opshub_deployment, attempt_id);
	FIELD(opshub_deployment, poll_after_ms);
	FIELD(opshub_deployment, created_at_ms);
	FIELD(opshub_deployment, probe_headers);
}

static void provider_more(void)
{
	FIELD(opshub_log_line, at_ms);
	FIELD(opshub_log_line, text);
	FIELD(opshub_log_line, stream);
	FIELD(opshub_log_line, reserved);
	FIELD(opshub_log_page, struct_size);
	FIELD(opshub_log_page, n_lines);
	FIELD(opshub_log_page, line_size);
	FIELD(opshub_log_page, is_complete);
	FIELD(opshub_log_page, lines);
	FIELD(opshub_log_page, next_cursor);
	FIELD(opshub_deployment_page, struct_size);
	FIELD(opshub_deployment_page, n_items);
	FIELD(opshub_deployment_page, item_size);
	FIELD(opshub_deployment_page, reserved);
	FIELD(opshub_deployment_page, items);
	FIELD(opshub_deployment_page, next_cursor);
	FIELD(opshub_provider_ops, struct_size);
	FIELD(opshub_provider_ops, reserved);
	FIELD(opshub_provider_ops, verify);
	FIELD(opshub_provider_ops, create);
	FIELD(opshub_provider_ops, find);
	FIELD(opshub_provider_ops, status);
	FIELD(opshub_provider_ops, cancel);
	FIELD(opshub_provider_ops, destroy);
	FIELD(opshub_provider_ops, logs);
	FIELD(opshub_provider_ops, list);
}

static void notifier(void)
{
	FIELD(opshub_event_field, label);
	FIELD(opshub_event_field, value);
	FIELD(opshub_event, struct_size);
	FIELD(opshub_event, severity);
	FIELD(opshub_event, id);
	FIELD(opshub_event, kind);
	FIELD(opshub_event, at_ms);
	FIELD(opshub_event, title);
	FIELD(opshub_event, text);
	FIELD(opshub_event, url);
	FIELD(opshub_event, org);
	FIELD(opshub_event, project);
	FIELD(opshub_event, repo);
	FIELD(opshub_event, sha);
	FIELD(opshub_event, pr_number);
	FIELD(opshub_event, thread_key);
	FIELD(opshub_event, thread);
	FIELD(opshub_event, fields);
	FIELD(opshub_event, n_fields);
	FIELD(opshub_event, field_size);
	FIELD(opshub_receipt, struct_size);
	FIELD(opshub_receipt, reserved);
	FIELD(opshub_receipt, text);
	FIELD(opshub_notifier_ops, struct_size);
	FIELD(opshub_notifier_ops, reserved);
	FIELD(opshub_notifier_ops, verify);
	FIELD(opshub_notifier_ops, send);
	FIELD(opshub_notifier_ops, update);
}

int main(void)
{
	plugin();
	tables();
	values();
	provider();
	provider_more();
	notifier();
	return 0;
}

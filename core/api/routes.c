/* Every route there is: what is not here is 404, what has no access is refused. */
#include "api/api.h"

#define GET(path, handler, access)                                                                                     \
	{                                                                                                              \
		HTTP_GET, path, handler, access, 0, 0                                                                  \
	}
#define POST(path, handler, access)                                                                                    \
	{                                                                                                              \
		HTTP_POST, path, handler, access, 0, 0                                                                 \
	}
#define PUT(path, handler, access)                                                                                     \
	{                                                                                                              \
		HTTP_PUT, path, handler, access, 0, 0                                                                  \
	}
#define PATCH(path, handler, access)                                                                                   \
	{                                                                                                              \
		HTTP_PATCH, path, handler, access, 0, 0                                                                \
	}
#define DELETE(path, handler, access)                                                                                  \
	{                                                                                                              \
		HTTP_DELETE, path, handler, access, 0, 0                                                               \
	}
#define WEBHOOK_BODY  ((size_t)25 * 1024 * 1024)
#define VARIABLE_BODY ((size_t)512 * 1024) /* 64 KiB, were each byte written as \u00.. */
#define IMPORT_BODY   ((size_t)1024 * 1024)

const struct http_route api_routes[] = {
	{ HTTP_GET, "/healthz", healthz, ACCESS_PUBLIC, ROUTE_DIRECT | ROUTE_QUIET, 0 },
	{ HTTP_GET, "/openapi.json", openapi_file, ACCESS_PUBLIC, ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/readyz", readyz, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/.well-known/security.txt", security_txt, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_POST, "/webhooks/github", webhook_github, ACCESS_SIGNED, 0, WEBHOOK_BODY },

	POST("/test/login-as", test_login_as, ACCESS_PUBLIC),
	GET("/auth/methods", auth_methods, ACCESS_PUBLIC),
	GET("/auth/github", auth_github, ACCESS_PUBLIC),
	GET("/auth/github/callback", auth_github_callback, ACCESS_PUBLIC),
	POST("/auth/logout", logout, ACCESS_USER),
	GET("/me/sessions", sessions_index, ACCESS_SELF),
	DELETE("/me/sessions/:id", session_delete, ACCESS_SELF),
	GET("/me", me, ACCESS_USER),
	GET("/providers", providers_index, ACCESS_USER),
	GET("/notifiers", notifiers_index, ACCESS_USER),

	GET("/me/tokens", tokens_index, ACCESS_SELF),
	POST("/me/tokens", token_create_post, ACCESS_SELF),
	GET("/me/tokens/:id", token_show, ACCESS_SELF),
	DELETE("/me/tokens/:id", token_delete, ACCESS_SELF),
	POST("/me/tokens/:id/rotate", token_rotate_post, ACCESS_SELF),

	GET("/projects/:id/deployments", deployments_index, ACCESS_PROJECT_VIEWER),
	POST("/projects/:id/deployments", deployment_request, ACCESS_PROJECT_DEVELOPER),
	GET("/projects/:id/deliveries", deliveries_index, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/deliveries/:delivery", delivery_show, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/deliveries/:delivery/replay", delivery_replay, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/orphans", orphans_index, ACCESS_PROJECT_VIEWER),
	GET("/deployments/:id", deployment_show, ACCESS_PREVIEW_VIEWER),
	GET("/deployments/:id/logs", deployment_logs_show, ACCESS_PREVIEW_VIEWER),
	GET("/deployments/:id/events", deployment_events_show, ACCESS_PREVIEW_VIEWER),
	POST("/deployments/:id/retry", deployment_retry, ACCESS_PREVIEW_DEVELOPER),
	POST("/deployments/:id/cancel", deployment_cancel, ACCESS_PREVIEW_DEVELOPER),
	POST("/deployments/:id/destroy", deployment_destroy, ACCESS_PREVIEW_DEVELOPER),
	POST("/deployments/:id/approve", deployment_approve, ACCESS_PREVIEW_MAINTAINER),
	POST("/deployments/:id/extend", deployment_extend_post, ACCESS_PREVIEW_DEVELOPER),
	POST("/deployments/:id/unfreeze", deployment_unfreeze_post, ACCESS_PREVIEW_MAINTAINER),
	POST("/projects/:project/deployments/:id/retry", deployment_retry, ACCESS_PREVIEW_DEVELOPER),
	POST("/projects/:project/deployments/:id/cancel", deployment_cancel, ACCESS_PREVIEW_DEVELOPER),
	POST("/projects/:project/deployments/:id/destroy", deployment_destroy, ACCESS_PREVIEW_DEVELOPER),
	POST("/projects/:project/deployments/:id/approve", deployment_approve, ACCESS_PREVIEW_MAINTAINER),
	POST("/projects/:project/deployments/:id/extend", deployment_extend_post, ACCESS_PREVIEW_DEVELOPER),
	POST("/projects/:project/deployments/:id/unfreeze", deployment_unfreeze_post, ACCESS_PREVIEW_MAINTAINER),

	GET("/d/:decoy", decoy_visited, ACCESS_PUBLIC),
	POST("/d/:decoy", decoy_visited, ACCESS_PUBLIC),

	GET("/orgs", orgs_index, ACCESS_USER),
	POST("/orgs", org_create, ACCESS_USER),
	GET("/orgs/:id", org_show, ACCESS_ORG_VIEWER),
	PATCH("/orgs/:id", org_change, ACCESS_ORG_MAINTAINER),
	DELETE("/orgs/:id", org_delete, ACCESS_ORG_OWNER),
	GET("/orgs/:id/members", members_index, ACCESS_ORG_VIEWER),
	POST("/orgs/:id/members", member_create, ACCESS_ORG_MAINTAINER),
	PATCH("/orgs/:id/members/:user", member_change, ACCESS_ORG_MAINTAINER),
	DELETE("/orgs/:id/members/:user", member_delete, ACCESS_ORG_VIEWER), /* oneself; others: MAINTAINER */
	POST("/orgs/:id/projects", project_create_in_path, ACCESS_ORG_MAINTAINER),
	GET("/projects", projects_index, ACCESS_USER),
	POST("/projects", project_create_in_body, ACCESS_USER), /* MAINTAINER of the organization in the body */
	GET("/projects/:id", project_show, ACCESS_PROJECT_VIEWER),
	PATCH("/projects/:id", project_change, ACCESS_PROJECT_MAINTAINER),
	DELETE("/projects/:id", project_remove, ACCESS_PROJECT_OWNER),
	GET("/projects/:id/members", project_members_index, ACCESS_PROJECT_VIEWER),
	PUT("/projects/:id/members/:user", project_member_put, ACCESS_PROJECT_MAINTAINER),
	DELETE("/projects/:id/members/:user", project_member_delete, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/provider", provider_show, ACCESS_PROJECT_VIEWER),
	PUT("/projects/:id/provider", provider_put, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/provider", provider_put, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/notifications", project_notifiers_index, ACCESS_PROJECT_VIEWER),
	POST("/projects/:id/notifications", project_notifier_create, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/notifications/test", project_notifiers_test, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/notifications/:notifier", project_notifier_show, ACCESS_PROJECT_VIEWER),
	PUT("/projects/:id/notifications/:notifier", project_notifier_put, ACCESS_PROJECT_MAINTAINER),
	PATCH("/projects/:id/notifications/:notifier", project_notifier_change, ACCESS_PROJECT_MAINTAINER),
	DELETE("/projects/:id/notifications/:notifier", project_notifier_delete, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/notifications/:notifier/test", project_notifiers_test, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/slack", slack_show, ACCESS_PROJECT_VIEWER),
	PUT("/projects/:id/slack", slack_put, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/slack", slack_put, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/provider/verify", provider_verify_post, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/rules", rules_show, ACCESS_PROJECT_VIEWER),
	PUT("/projects/:id/rules", rules_put, ACCESS_PROJECT_MAINTAINER),

	GET("/projects/:id/secret-policies", policies_index, ACCESS_PROJECT_VIEWER),
	POST("/projects/:id/secret-policies", policy_create, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/secret-policies/evaluate", policies_evaluate, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/secret-policies/:policy", policy_show, ACCESS_PROJECT_VIEWER),
	PATCH("/projects/:id/secret-policies/:policy", policy_patch, ACCESS_PROJECT_MAINTAINER),
	DELETE("/projects/:id/secret-policies/:policy", policy_delete, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/secret-policies/:policy/evaluate", policies_evaluate, ACCESS_PROJECT_MAINTAINER),
	POST("/projects/:id/rotate", project_rotate, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/rotations", rotations_index, ACCESS_PROJECT_VIEWER),
	GET("/projects/:id/environments", environments_index, ACCESS_PROJECT_VIEWER),
	GET("/environments/:id/envvars", variables_index, ACCESS_ENVIRONMENT_VIEWER),
	{ HTTP_POST, "/environments/:id/envvars", variable_create, ACCESS_ENVIRONMENT_DEVELOPER, 0, VARIABLE_BODY },
	{ HTTP_POST, "/environments/:id/envvars/import", variables_import, ACCESS_ENVIRONMENT_DEVELOPER, 0,
	  IMPORT_BODY },
	GET("/environments/:id/envvars/export", variables_export_masked, ACCESS_ENVIRONMENT_VIEWER),
	POST("/environments/:id/envvars/export", variables_export, ACCESS_ENVIRONMENT_MAINTAINER),
	GET("/environments/:id/envvars/:key", variable_show, ACCESS_ENVIRONMENT_VIEWER),
	{ HTTP_PUT, "/environments/:id/envvars/:key", variable_put, ACCESS_ENVIRONMENT_DEVELOPER, 0, VARIABLE_BODY },
	DELETE("/environments/:id/envvars/:key", variable_delete, ACCESS_ENVIRONMENT_DEVELOPER),
	GET("/environments/:id/envvars/:key/versions", variable_versions_index, ACCESS_ENVIRONMENT_VIEWER),
	GET("/environments/:id/envvars/:key/usage", variable_usage_show, ACCESS_ENVIRONMENT_VIEWER),
	POST("/environments/:id/envvars/:key/rollback", variable_rollback, ACCESS_ENVIRONMENT_DEVELOPER),
	POST("/environments/:id/envvars/:key/reveal", variable_reveal, ACCESS_ENVIRONMENT_MAINTAINER),

	GET("/projects/:id/health-checks", health_checks_index, ACCESS_PROJECT_VIEWER),
	POST("/projects/:id/health-checks", health_check_create, ACCESS_PROJECT_MAINTAINER),
	GET("/health-checks/:id", health_check_show, ACCESS_CHECK_VIEWER),
	PATCH("/health-checks/:id", health_check_patch, ACCESS_CHECK_MAINTAINER),
	DELETE("/health-checks/:id", health_check_delete, ACCESS_CHECK_MAINTAINER),
	POST("/health-checks/:id/enable", health_check_enable, ACCESS_CHECK_MAINTAINER),
	POST("/health-checks/:id/disable", health_check_disable, ACCESS_CHECK_MAINTAINER),
	POST("/health-checks/:id/run", health_check_run, ACCESS_CHECK_DEVELOPER),
	GET("/projects/:project/health-checks/:id", health_check_show, ACCESS_CHECK_VIEWER),
	PATCH("/projects/:project/health-checks/:id", health_check_patch, ACCESS_CHECK_MAINTAINER),
	DELETE("/projects/:project/health-checks/:id", health_check_delete, ACCESS_CHECK_MAINTAINER),
	POST("/projects/:project/health-checks/:id/enable", health_check_enable, ACCESS_CHECK_MAINTAINER),
	POST("/projects/:project/health-checks/:id/disable", health_check_disable, ACCESS_CHECK_MAINTAINER),
	POST("/projects/:project/health-checks/:id/run", health_check_run, ACCESS_CHECK_DEVELOPER),
	GET("/projects/:id/incidents", project_incidents_index, ACCESS_PROJECT_VIEWER),
	GET("/health-checks/:id/alerts", alerts_index, ACCESS_CHECK_VIEWER),
	GET("/health-checks/:id/incidents", incidents_index, ACCESS_CHECK_VIEWER),
	POST("/health-checks/:id/incidents/:incident/acknowledge", incident_acknowledge_post, ACCESS_CHECK_DEVELOPER),
	GET("/projects/:project/health-checks/:id/alerts", alerts_index, ACCESS_CHECK_VIEWER),
	GET("/projects/:project/health-checks/:id/incidents", incidents_index, ACCESS_CHECK_VIEWER),
	POST("/projects/:project/health-checks/:id/incidents/:incident/acknowledge", incident_acknowledge_post,
	     ACCESS_CHECK_DEVELOPER),
	GET("/projects/:id/maintenance-windows", windows_index, ACCESS_PROJECT_VIEWER),
	POST("/projects/:id/maintenance-windows", window_create, ACCESS_PROJECT_MAINTAINER),
	GET("/projects/:id/maintenance-windows/:window", window_show, ACCESS_PROJECT_VIEWER),
	PATCH("/projects/:id/maintenance-windows/:window", window_patch, ACCESS_PROJECT_MAINTAINER),
	DELETE("/projects/:id/maintenance-windows/:window", window_delete, ACCESS_PROJECT_MAINTAINER),
	GET("/health-checks/:id/samples", samples_index, ACCESS_CHECK_VIEWER),
	GET("/health-checks/:id/uptime", check_uptime_show, ACCESS_CHECK_VIEWER),
	GET("/projects/:project/health-checks/:id/samples", samples_index, ACCESS_CHECK_VIEWER),
	GET("/projects/:project/health-checks/:id/uptime", check_uptime_show, ACCESS_CHECK_VIEWER),
	GET("/projects/:id/status-page", status_page_show, ACCESS_PROJECT_VIEWER),
	PUT("/projects/:id/status-page", status_page_put, ACCESS_PROJECT_MAINTAINER),
	{ HTTP_GET, "/status/:slug", status_page_html, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_CACHED, 0 },
	{ HTTP_GET, "/status/:slug/status.json", status_page_json, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_CACHED, 0 },
	{ HTTP_GET, "/status/:slug/badge.svg", status_page_badge, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_CACHED, 0 },

	GET("/orgs/:id/audit", organization_audit, ACCESS_ORG_MAINTAINER),
	GET("/orgs/:id/access-review", organization_access_review, ACCESS_ORG_MAINTAINER),
	POST("/orgs/:id/lockdown", organization_lockdown, ACCESS_ORG_OWNER),
	POST("/orgs/:id/unlock", organization_unlock, ACCESS_ORG_OWNER),

	{ HTTP_GET, "/", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/dashboard", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/dashboard/:file", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, NULL, NULL, ACCESS_NOBODY, 0, 0 },
};

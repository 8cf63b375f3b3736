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
#define WEBHOOK_BODY ((size_t)25 * 1024 * 1024)

const struct http_route api_routes[] = {
	{ HTTP_GET, "/healthz", healthz, ACCESS_PUBLIC, ROUTE_DIRECT | ROUTE_QUIET, 0 },
	{ HTTP_GET, "/openapi.json", openapi_file, ACCESS_PUBLIC, ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/readyz", readyz, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/.well-known/security.txt", security_txt, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_POST, "/webhooks/github", webhook_github, ACCESS_SIGNED, 0, WEBHOOK_BODY },

	POST("/test/login-as", test_login_as, ACCESS_PUBLIC),
	POST("/auth/logout", logout, ACCESS_USER),
	GET("/me", me, ACCESS_USER),
	GET("/providers", providers_index, ACCESS_USER),
	GET("/notifiers", notifiers_index, ACCESS_USER),
	GET("/projects", projects_index, ACCESS_USER),

	GET("/projects/:id/deployments", deployments_index, ACCESS_PROJECT_VIEWER),
	GET("/deployments/:id", deployment_show, ACCESS_PREVIEW_VIEWER),
	GET("/deployments/:id/logs", deployment_logs_show, ACCESS_PREVIEW_VIEWER),
	GET("/deployments/:id/events", deployment_events_show, ACCESS_PREVIEW_VIEWER),
	POST("/deployments/:id/retry", deployment_retry, ACCESS_PREVIEW_DEVELOPER),
	POST("/deployments/:id/cancel", deployment_cancel, ACCESS_PREVIEW_DEVELOPER),
	POST("/deployments/:id/destroy", deployment_destroy, ACCESS_PREVIEW_DEVELOPER),
	POST("/projects/:project/deployments/:id/retry", deployment_retry, ACCESS_PREVIEW_DEVELOPER),
	POST("/projects/:project/deployments/:id/cancel", deployment_cancel, ACCESS_PREVIEW_DEVELOPER),
	POST("/projects/:project/deployments/:id/destroy", deployment_destroy, ACCESS_PREVIEW_DEVELOPER),

	GET("/orgs/:id/audit", organization_audit, ACCESS_ORG_MAINTAINER),
	GET("/orgs/:id/access-review", organization_access_review, ACCESS_ORG_MAINTAINER),
	POST("/orgs/:id/lockdown", organization_lockdown, ACCESS_ORG_OWNER),
	POST("/orgs/:id/unlock", organization_unlock, ACCESS_ORG_OWNER),

	{ HTTP_GET, "/", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/dashboard", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/dashboard/:file", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, NULL, NULL, ACCESS_NOBODY, 0, 0 },
};

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
#define DELETE(path, handler, access)                                                                                  \
	{                                                                                                              \
		HTTP_DELETE, path, handler, access, 0, 0                                                               \
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

	GET("/me/tokens", tokens_index, ACCESS_SELF),
	POST("/me/tokens", token_create_post, ACCESS_SELF),
	GET("/me/tokens/:id", token_show, ACCESS_SELF),
	DELETE("/me/tokens/:id", token_delete, ACCESS_SELF),
	POST("/me/tokens/:id/rotate", token_rotate_post, ACCESS_SELF),

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

	{ HTTP_GET, "/", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/dashboard", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, "/dashboard/:file", dashboard_file, ACCESS_PUBLIC, ROUTE_QUIET | ROUTE_UNLIMITED, 0 },
	{ HTTP_GET, NULL, NULL, ACCESS_NOBODY, 0, 0 },
};

/* The way out to the real network. In a file of its own, so that a program with another one (opshub-plugin-check) does
 * not link curl. Owns nothing. */
#include "plugin/plugin.h"

static int fetch_from_net(struct call *call, void *arg, const struct net_request *request, struct net_response *ret)
{
	return net_fetch(call, arg, request, ret);
}

struct plugins *plugins_open(struct loop *loop, struct net *net)
{
	return plugins_open_with(loop, fetch_from_net, net);
}

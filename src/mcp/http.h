#pragma once

#include <memory>
#include <vector>

#include "mcp/server.h"
#include "server/api.h"

namespace oko::mcp {

/// POST /mcp: MCP's "Streamable HTTP", a message in each request. A call whose client wants its
/// progress is answered by a stream of events, all else by JSON. There is no stream of the server's
/// own, so GET is refused.
std::vector<server::Route> http_routes(std::shared_ptr<const Server> server);

}  // namespace oko::mcp

#pragma once

#include "server/chat_task.h"
#include "server/http_message.h"

namespace oko::server {

/// A request for /v1/chat/completions.
struct ChatRequest {
  ChatTask task;
  int choices = 1;
  bool is_streamed = false;
  bool includes_usage = false;
};

/// Throws kUsage, with the name of the field, and others for what pictures say.
ChatRequest parse_chat(const HttpRequest& http);

}  // namespace oko::server

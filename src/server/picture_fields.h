#pragma once

#include "server/chat_task.h"
#include "server/request_json.h"

namespace oko::server {

/// Reads what oko adds to all protocols for pictures: "ocr" is "auto", "on", "off", true or false,
/// as --ocr of `oko describe`; "boxes" is "pixels". Throws kUsage.
void read_picture_fields(const RequestFields& fields, ChatTask& task);

}  // namespace oko::server

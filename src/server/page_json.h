#pragma once

#include "document/page.h"
#include "server/request_json.h"

namespace oko::server {

/// [left, top, width, height], in pixels of the upright page.
Json json_of(const document::Box& box);

/// A page that was read: "source", "width", "height", "text", "lines"; "doubtful" where it is.
/// Words of less confidence than `min_confidence` are "unsure". The notes are the caller's to add.
Json json_of(const document::Page& page, float min_confidence);

}  // namespace oko::server

#pragma once

#include <string_view>

#include "document/block_writer.h"

namespace oko::document {

/// The text of a web page that a reader sees; any bytes are a page. Nothing is fetched. Left out:
/// scripts, styles, templates, hidden elements, navigation, controls of forms. `charset`: as a mail
/// says; the page's own declaration comes after it.
void read_html_text(std::string_view bytes, std::string_view charset, BlockWriter& writer);

}  // namespace oko::document

#pragma once

#include <string_view>

#include "document/block_writer.h"

namespace oko::document {

/// Prepares GMime, once for all emails; `read_email_text` does it if nobody has.
void start_email_reader();

/// An email (RFC 5322, MIME), by GMime: its subject as the title; sender, receivers, text and names
/// of attachments as blocks. Of the same text as plain text and HTML it takes the plain one, unless
/// that is much shorter. Emails inside are read, too; other attachments are named in a note. The
/// date is that of its header.
void read_email_text(std::string_view bytes, BlockWriter& writer);

}  // namespace oko::document

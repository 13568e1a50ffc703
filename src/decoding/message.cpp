#include "decoding/message.h"

#include "text/utf8.h"

namespace oko::decoding {

void MessageWriter::text(std::string_view text) {
  number(std::uint64_t{text.size()});
  bytes_.append(text);
}

void MessageWriter::localized(const LocalizedText& text) {
  this->text(text.kept(Language::kEnglish));
  this->text(text.kept(Language::kRussian));
}

std::string MessageReader::text() {
  return text::replace_invalid_utf8(take(count()));
}

LocalizedText MessageReader::localized() {
  std::string english = text();
  return {std::move(english), text()};
}

std::size_t MessageReader::count() {
  return within<std::uint64_t>(0, rest_.size());
}

void MessageReader::require_end() const {
  if (!rest_.empty()) throw BadMessage();
}

std::string_view MessageReader::take(std::size_t size) {
  if (size > rest_.size()) throw BadMessage();
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

}  // namespace oko::decoding

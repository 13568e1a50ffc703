#include "document/email_text.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "document/html_text.h"
#include "document/plain_text.h"
#include "document/text_encoding.h"

namespace oko::document {
namespace {

using Kind = TextBlock::Kind;

struct UnrefObject {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <typename T>
using ObjectOwner = std::unique_ptr<T, UnrefObject>;

struct FreeMemory {
  void operator()(char* text) const { g_free(text); }
};
using OwnedText = std::unique_ptr<char, FreeMemory>;

struct FreeOptions {
  void operator()(GMimeParserOptions* options) const { g_mime_parser_options_free(options); }
};
using OptionsOwner = std::unique_ptr<GMimeParserOptions, FreeOptions>;

std::string string_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

/// Encodings of header fields with bytes beyond ASCII, which nothing declares.
OptionsOwner make_options() {
  OptionsOwner options(g_mime_parser_options_new());
  const char* charsets[] = {"utf-8", "windows-1251", nullptr};
  g_mime_parser_options_set_fallback_charsets(options.get(), charsets);
  return options;
}

/// Text with format=flowed (RFC 3676): a space at the end of a line says that it goes on.
std::string unflowed(const std::string& text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    result += line;
    if (!line.ends_with(' ') || line == "-- ") result += '\n';
    at = end + 1;
  }
  return result;
}

/// Tells the lines that may begin a part: after "--" they have a boundary that the Content-Type of
/// a header above declares. It finds all that GMime finds, and some text.
class EmailBoundaries {
 public:
  void read(std::string_view line) {
    const bool continues = line.starts_with(' ') || line.starts_with('\t');
    if (!continues) take(std::exchange(field_, {}));
    const std::string_view begin = trimmed(line.substr(0, kMostFieldBytes));
    constexpr std::string_view kField = "content-type";
    const bool is_type = lower_case(begin.substr(0, kField.size())) == kField;
    if (!is_type && (!continues || field_.empty())) return;
    field_ += ' ';
    field_ += begin;
    if (line.size() > kMostFieldBytes || field_.size() > kMostFieldBytes) is_any_ = true;
    field_.resize(std::min(field_.size(), kMostFieldBytes));
  }

  /// Of a line that was read.
  bool has(std::string_view line) const {
    if (!line.starts_with("--")) return false;
    return is_any_ || std::any_of(known_.begin(), known_.end(), [&](const std::string& each) {
             return line.substr(2).starts_with(each);
           });
  }

 private:
  static constexpr std::size_t kMostFieldBytes = 4096, kMostKnown = 200;

  void take(const std::string& field) {
    constexpr std::string_view kName = "boundary";
    const std::string lower = lower_case(field);
    for (std::size_t at = 0; (at = lower.find(kName, at)) != std::string::npos;) {
      at += kName.size();
      std::string begin = begin_of_value(std::string_view(field).substr(at));
      if (std::find(known_.begin(), known_.end(), begin) != known_.end()) continue;
      if (begin.empty() || known_.size() == kMostKnown) {
        is_any_ = true;
      } else {
        known_.push_back(std::move(begin));
      }
    }
  }

  /// What the boundary surely begins with. Empty: it is written in another way, such as in parts.
  static std::string begin_of_value(std::string_view rest) {
    rest = trimmed(rest);
    if (!rest.starts_with('=')) return {};
    rest = trimmed(rest.substr(1));
    const bool is_quoted = rest.starts_with('"');
    if (is_quoted) rest.remove_prefix(1);
    const std::string_view ends = is_quoted ? "\"\\" : "()<>@,;:\\\"/[]?=";
    std::size_t size = 0;
    while (size < rest.size() && rest[size] > ' ' && rest[size] < '\x7f' &&
           ends.find(rest[size]) == std::string_view::npos &&
           !rest.substr(size).starts_with("=?")) {
      ++size;
    }
    return std::string(rest.substr(0, size));
  }

  std::string field_;               ///< Content-Type, while its lines go on
  std::vector<std::string> known_;  ///< what boundaries begin with
  bool is_any_ = false;             ///< one is not known, or they are too many
};

/// Looks at an email before GMime parses it as a whole, into 100 times its bytes if they are short
/// lines: each part takes 1.3 KB, a field of a header 500 bytes, an address 600. Groups of
/// addresses ("name: address, ...;") are parsed in each other, each on the stack.
class EmailBounds {
 public:
  explicit EmailBounds(const BlockWriter& writer) : writer_(writer) {}

  /// Throws kTooLarge.
  void require(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      add(bytes.substr(0, end));
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    }
  }

 private:
  void add(std::string_view line) {
    boundaries_.read(line);
    if (boundaries_.has(line)) {
      constexpr std::size_t kLinesOfPart = 10;
      if (++part_lines_ > kLinesOfPart * static_cast<std::size_t>(writer_.limits().max_parts)) {
        refuse(tr("too many parts", "слишком много частей"));
      }
      may_be_header_ = true;
      has_addresses_ = false;
      return;
    }
    const bool continues = line.starts_with(' ') || line.starts_with('\t');
    if (!continues) begin_field(line);
    if (has_addresses_) count_addresses(line);
  }

  /// A header follows an empty line, too: an email in an email has one there.
  void begin_field(std::string_view line) {
    constexpr std::size_t kMostFields = 500'000, kLongest = 32;
    groups_ = 0;
    has_addresses_ = false;
    const bool is_empty = line.empty() || line == "\r";
    const std::size_t colon = line.find(':');
    may_be_header_ = is_empty || (may_be_header_ && colon != std::string_view::npos &&
                                  line.substr(0, colon).find(' ') == std::string_view::npos);
    if (is_empty) return;
    if (may_be_header_ && ++fields_ > kMostFields) {
      refuse(tr("too many fields in headers", "слишком много полей в заголовках"));
    }
    if (colon <= kLongest) {
      has_addresses_ = is_of_addresses(lower_case(trimmed(line.substr(0, colon))));
    }
  }

  static bool is_of_addresses(std::string_view field) {
    static constexpr std::array<std::string_view, 6> kFields{"from", "sender", "reply-to",
                                                             "to",   "cc",     "bcc"};
    return std::find(kFields.begin(), kFields.end(), field) != kFields.end();
  }

  void count_addresses(std::string_view line) {
    constexpr std::size_t kMostGroups = 500, kMostAddresses = 100'000;
    groups_ += static_cast<std::size_t>(std::count(line.begin(), line.end(), ':'));
    addresses_ += static_cast<std::size_t>(std::count(line.begin(), line.end(), ','));
    if (groups_ > kMostGroups) {
      refuse(tr("too many groups of addresses", "слишком много групп адресов"));
    }
    if (addresses_ > kMostAddresses) refuse(tr("too many addresses", "слишком много адресов"));
  }

  [[noreturn]] void refuse(const LocalizedText& what) const {
    throw Error(ErrorCode::kTooLarge, tr("{}: has {}", "{}: в нём {}", writer_.name(), what));
  }

  const BlockWriter& writer_;
  EmailBoundaries boundaries_;
  std::size_t part_lines_ = 0;
  std::size_t fields_ = 0;
  std::size_t addresses_ = 0;
  std::size_t groups_ = 0;  ///< of a field
  bool may_be_header_ = true;
  bool has_addresses_ = false;
};

class EmailReader {
 public:
  explicit EmailReader(BlockWriter& writer) : writer_(writer) {}

  void read(GMimeMessage* message) {
    TextDocument& document = writer_.document();
    document.title = subject_of(message);
    if (GDateTime* date = g_mime_message_get_date(message)) {
      document.date = std::chrono::sys_seconds(std::chrono::seconds(g_date_time_to_unix(date)));
    }
    read_message(message, 0);
    for (const std::string& name : attachments_) {
      writer_.add(Kind::kListItem, 1, name);
    }
    if (!attachments_.empty()) {
      document.notes.push_back(tr("its attachments were not read: {}",
                                  "вложения в нём не прочитаны: {}", joined_attachments()));
    }
  }

 private:
  static std::string subject_of(GMimeMessage* message) {
    return string_of(g_mime_message_get_subject(message));
  }

  std::string joined_attachments() const {
    constexpr std::size_t kMost = 10;
    std::string names;
    for (std::size_t i = 0; i < std::min(attachments_.size(), kMost); ++i) {
      names += (i == 0 ? "" : ", ") + excerpt(one_line(attachments_[i]));
    }
    return attachments_.size() > kMost ? names + ", …" : names;
  }

  void read_message(GMimeMessage* message, int depth) {
    if (const std::string subject = subject_of(message); !subject.empty()) {
      writer_.add(Kind::kHeading, std::min(depth + 1, 6), clean_line(subject));
    }
    add_addresses("From", g_mime_message_get_from(message));
    add_addresses("To", g_mime_message_get_to(message));
    add_addresses("Cc", g_mime_message_get_cc(message));
    if (GMimeObject* part = g_mime_message_get_mime_part(message)) read_object(part, depth + 1);
  }

  void add_addresses(const char* field, InternetAddressList* list) {
    if (list == nullptr || internet_address_list_length(list) == 0) return;
    const OwnedText text(internet_address_list_to_string(list, nullptr, FALSE));
    writer_.add(Kind::kParagraph, 0, field + std::string(": ") + clean_line(string_of(text.get())));
  }

  void read_object(GMimeObject* object, int depth) {
    writer_.require_depth(depth);
    if (++parts_ > writer_.limits().max_parts) {
      throw Error(ErrorCode::kTooLarge,
                  tr("{}: has more than {} parts", "{}: в нём больше {:части|частей|частей}",
                     writer_.name(), Count(writer_.limits().max_parts)));
    }
    if (GMIME_IS_MULTIPART(object)) {
      read_multipart(GMIME_MULTIPART(object), depth);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
      if (GMimeMessage* inside = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object))) {
        read_message(inside, depth);
      }
    } else if (GMIME_IS_PART(object)) {
      read_part(GMIME_PART(object));
    }
  }

  void read_multipart(GMimeMultipart* multipart, int depth) {
    GMimeContentType* type = g_mime_object_get_content_type(GMIME_OBJECT(multipart));
    const int count = g_mime_multipart_get_count(multipart);
    if (g_mime_content_type_is_type(type, "multipart", "encrypted")) {
      writer_.document().notes.push_back(
          tr("its encrypted part was not read", "зашифрованная часть не прочитана"));
      return;
    }
    if (g_mime_content_type_is_type(type, "multipart", "alternative")) {
      read_alternative(multipart, depth);
      return;
    }
    for (int i = 0; i < count; ++i) read_object(g_mime_multipart_get_part(multipart, i), depth + 1);
  }

  /// The first alternative is the plainest. One that is much shorter than the last says only that
  /// the mail is to be opened elsewhere.
  void read_alternative(GMimeMultipart* multipart, int depth) {
    const int count = g_mime_multipart_get_count(multipart);
    TextDocument& document = writer_.document();
    const std::size_t begin = document.blocks.size();
    std::vector<TextBlock> best;
    std::size_t best_size = 0;
    for (int i = 0; i < count; ++i) {
      const std::size_t attachments = attachments_.size();
      read_object(g_mime_multipart_get_part(multipart, i), depth + 1);
      std::vector<TextBlock> blocks(
          std::make_move_iterator(document.blocks.begin() + static_cast<std::ptrdiff_t>(begin)),
          std::make_move_iterator(document.blocks.end()));
      document.blocks.resize(begin);
      std::size_t size = 0;
      for (const TextBlock& block : blocks) size += block.text.size();
      if (size > best_size * 2) {
        best = std::move(blocks);
        best_size = size;
      } else if (attachments_.size() > attachments && i + 1 < count) {
        attachments_.resize(attachments);
      }
    }
    document.blocks.insert(document.blocks.end(), std::make_move_iterator(best.begin()),
                           std::make_move_iterator(best.end()));
  }

  void read_part(GMimePart* part) {
    GMimeContentType* type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    const bool is_text = type == nullptr || g_mime_content_type_is_type(type, "text", "plain") ||
                         g_mime_content_type_is_type(type, "text", "html");
    if (!is_text || g_mime_part_is_attachment(part)) {
      const std::string name = string_of(g_mime_part_get_filename(part));
      const OwnedText mime(type == nullptr ? nullptr : g_mime_content_type_get_mime_type(type));
      attachments_.push_back(clean_line(name.empty() ? string_of(mime.get()) : name));
      return;
    }
    const std::string bytes = content_of(part);
    const std::string charset =
        string_of(g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset"));
    if (type != nullptr && g_mime_content_type_is_type(type, "text", "html")) {
      TextDocument& document = writer_.document();
      const std::string title = std::exchange(document.title, {});
      read_html_text(bytes, charset, writer_);
      document.title = title;
      return;
    }
    const std::string format = lower_case(
        string_of(g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "format")));
    const std::string text = decode_text(bytes, charset);
    add_paragraphs(format == "flowed" ? unflowed(text) : text, writer_);
  }

  /// The decoded bytes.
  std::string content_of(GMimePart* part) const {
    GMimeDataWrapper* content = g_mime_part_get_content(part);
    if (content == nullptr) return {};
    GByteArray* bytes = g_byte_array_new();
    const ObjectOwner<GMimeStream> stream(g_mime_stream_mem_new_with_byte_array(bytes));
    g_mime_data_wrapper_write_to_stream(content, stream.get());
    return {reinterpret_cast<const char*>(bytes->data), bytes->len};
  }

  BlockWriter& writer_;
  std::vector<std::string> attachments_;  ///< names
  int parts_ = 0;
};

}  // namespace

void start_email_reader() {
  static std::once_flag once;
  std::call_once(once, [] { g_mime_init(); });
}

void read_email_text(std::string_view bytes, BlockWriter& writer) {
  EmailBounds(writer).require(bytes);
  start_email_reader();
  const OptionsOwner options = make_options();
  const ObjectOwner<GMimeStream> stream(
      g_mime_stream_mem_new_with_buffer(bytes.data(), bytes.size()));
  const ObjectOwner<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const ObjectOwner<GMimeMessage> message(
      g_mime_parser_construct_message(parser.get(), options.get()));
  if (message == nullptr) {
    throw Error(ErrorCode::kBadInput, tr("{}: is not an email: it has no header",
                                         "{}: это не письмо: у него нет заголовка", writer.name()));
  }
  EmailReader(writer).read(message.get());
}

}  // namespace oko::document

#include "document/sidecar.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/input_file.h"
#include "base/system_reason.h"
#include "document/block_writer.h"
#include "text/xml_escape.h"

namespace oko::document {
namespace {

constexpr std::string_view kXmpHead =
    "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"oko\">\n"
    " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
    "  <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n";
constexpr std::string_view kXmpTail =
    "  </rdf:Description>\n"
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    "<?xpacket end=\"w\"?>\n";

std::string escaped(std::string_view text) {
  return text::escape_xml(clean_text(text, false));
}

/// The last line: it tells oko that nobody has changed the lines before.
std::string seal_of(std::string_view text) {
  return fmt::format("<!-- oko {:016x} -->\n", XXH3_64bits(text.data(), text.size()));
}

/// True if oko has written these bytes.
bool is_sealed(std::string_view bytes) {
  const std::size_t size = seal_of({}).size();
  return bytes.size() > size &&
         bytes.substr(bytes.size() - size) == seal_of(bytes.substr(0, bytes.size() - size));
}

/// A sidecar as oko has written it; nothing for one of another program, for a folder, a broken link
/// and what cannot be read.
std::optional<std::string> own_sidecar(const std::filesystem::path& path) {
  constexpr std::uint64_t kMostBytes = 16'000'000;
  try {
    std::string bytes = read_file(path, kMostBytes, ErrorCode::kBadInput);
    if (is_sealed(bytes)) return bytes;
  } catch (const Error& error) {
    if (!is_of_input(error.code())) throw;
  }
  return std::nullopt;
}

}  // namespace

std::filesystem::path sidecar_path(const std::filesystem::path& file) {
  std::filesystem::path path = file;
  path += ".xmp";
  return path;
}

std::string xmp_of(const SidecarText& text) {
  std::string xmp(kXmpHead);
  if (!text.description.empty()) {
    const std::string description = escaped(text.description);
    xmp += "   <dc:description>\n    <rdf:Alt>\n";
    xmp += fmt::format("     <rdf:li xml:lang=\"x-default\">{}</rdf:li>\n", description);
    if (!text.language.empty()) {
      xmp += fmt::format("     <rdf:li xml:lang=\"{}\">{}</rdf:li>\n", escaped(text.language),
                         description);
    }
    xmp += "    </rdf:Alt>\n   </dc:description>\n";
  }
  if (!text.keywords.empty()) {
    xmp += "   <dc:subject>\n    <rdf:Bag>\n";
    for (const std::string& keyword : text.keywords) {
      xmp += fmt::format("     <rdf:li>{}</rdf:li>\n", escaped(keyword));
    }
    xmp += "    </rdf:Bag>\n   </dc:subject>\n";
  }
  xmp += kXmpTail;
  return xmp + seal_of(xmp);
}

SidecarResult write_sidecar(const std::filesystem::path& file, const SidecarText& text) {
  const std::filesystem::path path = sidecar_path(file);
  const std::string xmp = xmp_of(text);
  if (has_entry(path)) {
    const std::optional<std::string> before = own_sidecar(path);
    if (!before) return SidecarResult::kLeftAlone;
    if (*before == xmp) return SidecarResult::kUnchanged;
  }
  write_file_atomically(path, xmp);
  return SidecarResult::kWritten;
}

bool remove_sidecar(const std::filesystem::path& file) {
  const std::filesystem::path path = sidecar_path(file);
  if (!has_entry(path) || !own_sidecar(path)) return false;
  std::error_code error;
  if (!std::filesystem::remove(path, error) && error) {
    throw Error(ErrorCode::kFailed, tr("{}: cannot be removed: {}", "{}: не удаляется: {}",
                                       path.string(), system_reason(error)));
  }
  return true;
}

bool move_sidecar(const std::filesystem::path& from, const std::filesystem::path& to) {
  const std::filesystem::path path = sidecar_path(to);
  const std::optional<std::string> xmp =
      has_entry(sidecar_path(from)) ? own_sidecar(sidecar_path(from)) : std::nullopt;
  if (!xmp) return false;
  if (!has_entry(path)) write_file_atomically(path, *xmp);
  return remove_sidecar(from);
}

}  // namespace oko::document

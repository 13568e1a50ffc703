#include "document/text_encoding.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/lower_case.h"
#include "base/text_escape.h"
#include "base/trimmed.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// An open converter to UTF-8; none if the charset is unknown.
class Converter {
 public:
  explicit Converter(const std::string& charset)
      : handle_(g_iconv_open("UTF-8", charset.c_str())) {}
  ~Converter() {
    if (is_open()) g_iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  // NOLINTNEXTLINE(performance-no-int-to-ptr): the value is GLib's
  bool is_open() const { return handle_ != reinterpret_cast<GIConv>(-1); }

  std::string convert(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() + bytes.size() / 2);
    char* in = const_cast<char*>(bytes.data());
    gsize left = bytes.size();
    std::array<char, 16'384> buffer{};
    while (left > 0) {
      char* out = buffer.data();
      gsize room = buffer.size();
      const gsize done = g_iconv(handle_, &in, &left, &out, &room);
      const int error = errno;
      text.append(buffer.data(), buffer.size() - room);
      if (done != static_cast<gsize>(-1)) break;
      if (error == E2BIG) continue;
      text += kReplacement;
      if (error == EINVAL) break;  // the text ends inside a character
      ++in;
      --left;
    }
    return text;
  }

 private:
  GIConv handle_;
};

/// The name that iconv knows. Browsers read Latin-1 as windows-1252
/// (https://encoding.spec.whatwg.org/#names-and-labels).
std::string known_charset(std::string_view label) {
  std::string name = lower_case(trimmed(label));
  if (name.starts_with("x-cp") || name.starts_with("x-sjis") || name.starts_with("x-gbk")) {
    name.erase(0, 2);
  }
  if (name == "win-1251" || name == "windows1251" || name == "win1251") return "windows-1251";
  if (name == "koi8" || name == "koi") return "koi8-r";
  if (name == "x-mac-cyrillic") return "maccyrillic";
  if (name == "us-ascii" || name == "ascii" || name == "iso-8859-1" || name == "latin1") {
    return "windows-1252";
  }
  return name;
}

bool is_utf8_name(std::string_view name) {
  return name == "utf-8" || name == "utf8" || name == "unicode-1-1-utf-8";
}

bool has_high_bytes(std::string_view bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](char c) { return (c & 0x80) != 0; });
}

/// The letters of a code page for the bytes from 0x80 on; 0 for other characters.
using HighLetters = std::array<char32_t, 128>;

HighLetters letters_of(const char* charset) {
  HighLetters letters{};
  Converter converter(charset);
  if (!converter.is_open()) return letters;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const char byte = static_cast<char>(0x80 + i);
    const std::string text = converter.convert({&byte, 1});
    const char32_t c = oko::text::next_utf8(text, 0).code_point;
    if ((c >= 0x410 && c <= 0x44F) || c == 0x401 || c == 0x451) letters[i] = c;
  }
  return letters;
}

/// How often letters of Russian occur in 1000, from а to я, at least 1.
constexpr std::array<std::int16_t, 32> kFrequency = {80, 16, 45, 17,  30, 85, 9,  16, 74, 12, 35,
                                                     43, 32, 67, 109, 28, 47, 55, 63, 26, 3,  10,
                                                     5,  15, 7,  4,   1,  19, 17, 3,  6,  20};

enum class ByteClass { kOther, kLatin, kSmall, kCapital, kSign };

ByteClass class_of(unsigned char byte, const HighLetters& letters) {
  if (byte < 0x80) {
    const bool is_latin = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    return is_latin ? ByteClass::kLatin : ByteClass::kOther;
  }
  const char32_t c = letters[byte - 0x80];
  if (c == 0) return ByteClass::kSign;
  return c >= 0x430 ? ByteClass::kSmall : ByteClass::kCapital;
}

/// How unlikely two neighbours are, in the units of kFrequency.
int penalty(ByteClass left, ByteClass right) {
  const bool is_latin = left == ByteClass::kLatin || right == ByteClass::kLatin;
  if (is_latin && left != right && left != ByteClass::kOther && right != ByteClass::kOther) {
    return left == ByteClass::kSign || right == ByteClass::kSign ? 50 : 100;
  }
  return left == ByteClass::kSmall && right == ByteClass::kCapital ? 100 : 0;
}

/// How much the bytes look like Russian in a code page: the mean frequency of its letters, less for
/// capitals after small letters, letters next to Latin ones, and bytes that are no letters.
double likeness(std::string_view bytes, const HighLetters& letters) {
  constexpr int kSignPenalty = 20;
  std::int64_t score = 0, high = 0;
  ByteClass before = ByteClass::kOther;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    const ByteClass now = class_of(value, letters);
    score -= penalty(before, now);
    before = now;
    if (value < 0x80) continue;
    ++high;
    const char32_t c = letters[value - 0x80];
    if (c == 0) {
      score -= kSignPenalty;
    } else if (c != 0x401 && c != 0x451) {
      score += kFrequency[(c - 0x410) % 32];
    }
  }
  return high == 0 ? 0 : static_cast<double>(score) / static_cast<double>(high);
}

/// Every second byte is zero in UTF-16 of Latin letters, and small in that of Russian.
std::string_view guessed_utf16(std::string_view bytes) {
  std::size_t small[2] = {0, 0};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (static_cast<unsigned char>(bytes[i]) <= 4) ++small[i % 2];
  }
  const std::size_t half = bytes.size() / 2;
  if (half < 2 || bytes.find('\0') == std::string_view::npos) return {};
  if (small[1] * 10 > half * 9 && small[0] * 10 < half) return "utf-16le";
  if (small[0] * 10 > half * 9 && small[1] * 10 < half) return "utf-16be";
  return {};
}

std::string converted(std::string_view bytes, const std::string& charset) {
  Converter converter(charset);
  return converter.is_open() ? converter.convert(bytes) : oko::text::replace_invalid_utf8(bytes);
}

/// The value after `key` in a tag, quoted or not.
std::string value_after(std::string_view tag, std::string_view key) {
  std::size_t at = tag.find(key);
  if (at == std::string_view::npos) return {};
  at = tag.find_first_not_of(" \t\r\n", at + key.size());
  if (at == std::string_view::npos || tag[at] != '=') return {};
  at = tag.find_first_not_of(" \t\r\n\"'", at + 1);
  if (at == std::string_view::npos) return {};
  return std::string(tag.substr(at, tag.find_first_of(" \t\r\n\"'/>;?", at) - at));
}

}  // namespace

std::string_view guessed_charset(std::string_view bytes) {
  constexpr std::size_t kSample = 65'536;
  bytes = bytes.substr(0, kSample);
  if (const std::string_view utf16 = guessed_utf16(bytes); !utf16.empty()) return utf16;
  struct Candidate {
    std::string_view name;
    HighLetters letters;
  };
  static const std::array<Candidate, 3> candidates{
      Candidate{"windows-1251", letters_of("windows-1251")},
      Candidate{"koi8-r", letters_of("koi8-r")}, Candidate{"ibm866", letters_of("ibm866")}};
  constexpr double kLeast = 15;  // text of another alphabet has less
  std::string_view best = "windows-1252";
  double best_score = kLeast;
  for (const Candidate& candidate : candidates) {
    const double score = likeness(bytes, candidate.letters);
    if (score > best_score) {
      best = candidate.name;
      best_score = score;
    }
  }
  return best;
}

void start_text_decoding() {
  static const std::array<Converter, 6> kept_open{
      Converter("windows-1251"), Converter("koi8-r"),   Converter("ibm866"),
      Converter("windows-1252"), Converter("utf-16le"), Converter("utf-16be")};
}

std::string decode_text(std::string_view bytes, std::string_view charset) {
  if (bytes.starts_with("\xEF\xBB\xBF")) {
    return oko::text::replace_invalid_utf8(bytes.substr(3));
  }
  if (bytes.starts_with("\xFF\xFE")) return converted(bytes.substr(2), "utf-16le");
  if (bytes.starts_with("\xFE\xFF")) return converted(bytes.substr(2), "utf-16be");
  const std::string declared = known_charset(charset);
  const bool is_high = has_high_bytes(bytes);
  if (is_high && is_utf8(bytes)) return std::string(bytes);
  if (!declared.empty() && !is_utf8_name(declared) && !declared.starts_with("utf-16")) {
    Converter converter(declared);
    if (converter.is_open()) return converter.convert(bytes);
  }
  if (!is_high && bytes.find('\0') == std::string_view::npos) return std::string(bytes);
  // Text that says that it is UTF-8 may be so but for a few bytes.
  const std::string_view guess = guessed_charset(bytes);
  if (is_utf8_name(declared) && guess == "windows-1252") {
    return oko::text::replace_invalid_utf8(bytes);
  }
  return converted(bytes, std::string(guess));
}

std::string declared_charset(std::string_view bytes) {
  constexpr std::size_t kHead = 4096;
  const std::string head = lower_case(bytes.substr(0, kHead));
  if (const std::size_t xml = head.find("<?xml"); xml != std::string::npos && xml < 4) {
    const std::string_view tag = std::string_view(head).substr(0, head.find("?>"));
    if (std::string value = value_after(tag, "encoding"); !value.empty()) return value;
  }
  for (std::size_t at = head.find("<meta"); at != std::string::npos;
       at = head.find("<meta", at + 1)) {
    const std::string_view tag = std::string_view(head).substr(at, head.find('>', at) - at);
    if (std::string value = value_after(tag, "charset"); !value.empty()) return value;
  }
  return {};
}

}  // namespace oko::document

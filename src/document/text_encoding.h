#pragma once

#include <string>
#include <string_view>

namespace oko::document {

/// `bytes` as valid UTF-8 without a byte order mark; what cannot be decoded becomes U+FFFD.
/// In this order decide: a byte order mark, valid UTF-8 with letters beyond ASCII, `charset` (a
/// name of IANA or WHATWG), a guess (`guessed_charset`).
std::string decode_text(std::string_view bytes, std::string_view charset = {});

/// Opens the encodings that `guessed_charset` gives, for a process that may open no files from then
/// on: systems load them from files.
void start_text_decoding();

/// The encoding of text that is not UTF-8: "windows-1251", "koi8-r", "ibm866" if it is Russian,
/// "utf-16le" or "utf-16be" if every second byte is zero, else "windows-1252".
std::string_view guessed_charset(std::string_view bytes);

/// The encoding that the beginning of an HTML or XML file declares; empty if it does not.
std::string declared_charset(std::string_view bytes);

}  // namespace oko::document

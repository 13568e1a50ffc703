#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/localized_text.h"
#include "cli/commands.h"
#include "tasks/picture.h"

namespace oko::cli {

/// Options of commands that ask a model about pictures.
struct GenerationOptions {
  std::string language;
  std::string ocr = "auto";
  std::string model;
  int max_tokens = 1024;
  std::size_t threads = 0;
  int kv_bits = 16;
  std::int64_t max_pixels = 0;
  float temperature = 0;
  std::uint64_t seed = 0;
};

/// `language_help`: the effect of --lang.
void add_generation_options(Command& command, GenerationOptions& options,
                            const std::string& language_help);

/// --ocr: "auto", "on" or "off".
void add_ocr_option(Command& command, std::string& ocr);

/// The language of the prompt: that of --lang, else the user's.
Language language_of(const GenerationOptions& options);

/// "off", "on", "auto".
tasks::ReadText when_to_read(const std::string& ocr);

/// Throws if the address space has less than the least memory of any picture: a check before
/// libraries start.
void require_space_of_model(const GenerationOptions& options, const std::filesystem::path& model);

}  // namespace oko::cli

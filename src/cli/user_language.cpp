#include "cli/user_language.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace oko::cli {
namespace {

Language language_of_environment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') {
      return std::string_view(value).substr(0, 2) == "ru" ? Language::kRussian : Language::kEnglish;
    }
  }
  return Language::kEnglish;
}

std::atomic<Language>& current() {
  static std::atomic<Language> value{language_of_environment()};
  return value;
}

}  // namespace

Language user_language() {
  return current().load(std::memory_order_relaxed);
}

void set_user_language(Language language) {
  current().store(language, std::memory_order_relaxed);
}

std::string shown(const LocalizedText& text) {
  return text.in(user_language(), KnobStyle::kFlag);
}

std::vector<std::string> shown(const std::vector<LocalizedText>& texts) {
  std::vector<std::string> list;
  list.reserve(texts.size());
  for (const LocalizedText& text : texts) list.push_back(shown(text));
  return list;
}

}  // namespace oko::cli

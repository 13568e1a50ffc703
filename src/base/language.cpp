#include "base/language.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace oko {
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

Language language() {
  return current().load(std::memory_order_relaxed);
}
void set_language(Language language) {
  current().store(language, std::memory_order_relaxed);
}

}  // namespace oko

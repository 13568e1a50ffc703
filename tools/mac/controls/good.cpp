// Must compile, or the others would fail for a reason of their own.
#include <sys/sysctl.h>

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

int number(const std::string& text, const nlohmann::json& json) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  std::thread([] {}).join();
  return std::filesystem::exists(text) && json.get<std::string>() == text ? value : 0;
}

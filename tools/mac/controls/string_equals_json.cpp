// Must not compile: nlohmann 3.11 writes its own !=, after which C++20 does not turn == around.
#include <nlohmann/json.hpp>
#include <string>

bool same(const std::string& text, const nlohmann::json& json) {
  return text == json;
}

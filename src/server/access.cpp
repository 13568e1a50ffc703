#include "server/access.h"

#include <algorithm>
#include <cstddef>

#include "base/lower_case.h"
#include "server/web_page.h"

namespace oko::server {
namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& each) { return each == "*" || each == name; });
}

/// "localhost:80" -> "localhost"; "[::1]:80" -> "[::1]".
std::string_view without_port(std::string_view host) {
  const std::size_t end = host.find(']');
  const std::size_t colon = host.find(':', end == std::string_view::npos ? 0 : end);
  return host.substr(0, colon);
}

bool is_this_machine(std::string_view name) {
  return name == "localhost" || name == "[::1]" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == name.npos);
}

bool is_allowed_host(const AccessRules& rules, std::string_view host) {
  const std::string name = lower_case(without_port(host));
  // HTTP/1.0 needs no Host; no browser leaves it out.
  return host.empty() || is_this_machine(name) || contains(rules.hosts, name);
}

/// A picture or script that a page of another site embeds has no Origin (Fetch Metadata). Links may
/// be followed.
bool is_embedded_elsewhere(const HttpRequest& request) {
  const std::string_view site = request.header("sec-fetch-site");
  const bool is_elsewhere = site == "cross-site" || site == "same-site";
  return is_elsewhere && request.header("sec-fetch-mode") != "navigate";
}

bool is_allowed_origin(const AccessRules& rules, const HttpRequest& request) {
  const std::string_view origin = request.header("origin");
  if (contains(rules.origins, origin)) return true;
  if (origin.empty()) return !is_embedded_elsewhere(request);
  // Of oko's own page: what the browser asked it for.
  constexpr std::string_view kScheme = "http://";
  return origin.starts_with(kScheme) && origin.substr(kScheme.size()) == request.header("host");
}

std::string_view given_key(const HttpRequest& request) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view authorization = request.header("authorization");
  if (lower_case(authorization.substr(0, kBearer.size())) == kBearer) {
    return authorization.substr(kBearer.size());
  }
  return request.header("x-api-key");  // Anthropic's clients
}

}  // namespace

bool is_same_key(std::string_view key, std::string_view given) {
  unsigned difference = key.size() == given.size() ? 0u : 1u;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = key.empty() ? '\0' : key[i % key.size()];
    difference |= static_cast<unsigned char>(expected ^ given[i]);
  }
  return difference == 0;
}

Access check_access(const AccessRules& rules, const HttpRequest& request) {
  // A page of another name has no key.
  if (rules.api_key.empty() && !is_allowed_host(rules, request.header("host"))) {
    return Access::kWrongHost;
  }
  if (!is_allowed_origin(rules, request)) return Access::kWrongOrigin;
  // A browser asks before it sends a request with a key (Fetch, "CORS-preflight fetch").
  const bool asks_first = request.method == "OPTIONS" && !request.header("origin").empty();
  const bool needs_key = request.path != "/health" && !asks_first && !is_page(request);
  if (rules.api_key.empty() || !needs_key) return Access::kGranted;
  return is_same_key(rules.api_key, given_key(request)) ? Access::kGranted : Access::kNoKey;
}

}  // namespace oko::server

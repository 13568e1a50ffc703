#include "net/public_address.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

namespace oko::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Network {
  Bytes prefix;  ///< bytes that are not here are 0
  int bits = 0;
};

/// 4 or 16 bytes; none for another family.
Bytes bytes_of(const sockaddr& address) {
  // Copies: the memory may hold another type.
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    Bytes bytes(sizeof(v4.sin_addr));
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return bytes;
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    Bytes bytes(sizeof(v6.sin6_addr));
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return bytes;
  }
  return {};
}

bool is_in(std::span<const std::uint8_t> address, const Network& network) {
  for (std::size_t i = 0; i * 8 < static_cast<std::size_t>(network.bits); ++i) {
    const int left = network.bits - static_cast<int>(i) * 8;
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xFF : 0xFF << (8 - left));
    const std::uint8_t expected = i < network.prefix.size() ? network.prefix[i] : 0;
    if ((address[i] & mask) != (expected & mask)) return false;
  }
  return true;
}

bool is_in_any(std::span<const std::uint8_t> address, std::initializer_list<Network> networks) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return is_in(address, network); });
}

bool is_global_v4(std::span<const std::uint8_t> address) {
  return !is_in_any(address, {
                                 {{0}, 8},              // this network
                                 {{10}, 8},             // private
                                 {{100, 64}, 10},       // shared, behind a provider's NAT
                                 {{127}, 8},            // loopback
                                 {{169, 254}, 16},      // link-local
                                 {{172, 16}, 12},       // private
                                 {{192, 0, 0}, 24},     // protocols
                                 {{192, 0, 2}, 24},     // documentation
                                 {{192, 88, 99}, 24},   // relays of 6to4
                                 {{192, 168}, 16},      // private
                                 {{198, 18}, 15},       // benchmarks
                                 {{198, 51, 100}, 24},  // documentation
                                 {{203, 0, 113}, 24},   // documentation
                                 {{224}, 4},            // many receivers
                                 {{240}, 4},            // reserved, and all receivers
                             });
}

bool is_global_v6(std::span<const std::uint8_t> address) {
  const Network nat64{{0x00, 0x64, 0xFF, 0x9B}, 96};  // RFC 6052: a network without IPv4
  if (is_in(address, nat64)) return is_global_v4(address.subspan(12, 4));
  const Network six_to_four{{0x20, 0x02}, 16};  // RFC 3056
  if (is_in(address, six_to_four)) return is_global_v4(address.subspan(2, 4));
  // Among others outside of it: ::1, IPv4 within, local use of NAT64, fc00::/7, fe80::/10,
  // ff00::/8.
  const Network global_unicast{{0x20}, 3};
  return is_in(address, global_unicast) &&
         !is_in_any(address, {
                                 {{0x20, 0x01, 0x00}, 23},        // protocols, Teredo
                                 {{0x20, 0x01, 0x0D, 0xB8}, 32},  // documentation
                                 {{0x3F, 0xFF, 0x00}, 20},        // documentation
                             });
}

int bits_of(std::span<const std::uint8_t> mask) {
  int bits = 0;
  for (const std::uint8_t byte : mask) {
    for (int i = 7; i >= 0; --i) {
      if (((byte >> i) & 1) == 0) return bits;
      ++bits;
    }
  }
  return bits;
}

}  // namespace

bool is_global_address(const sockaddr& address) {
  const Bytes bytes = bytes_of(address);
  if (bytes.empty()) return false;
  return bytes.size() == 4 ? is_global_v4(bytes) : is_global_v6(bytes);
}

bool is_of_own_networks(const sockaddr& address) {
  const Bytes bytes = bytes_of(address);
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;  // nobody knows
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    const Bytes own = bytes_of(*each->ifa_addr);
    if (own.empty() || own.size() != bytes.size()) continue;
    if (own == bytes) return true;
    if (each->ifa_netmask == nullptr) continue;
    sockaddr_storage mask{};  // its family is not set on some systems
    std::memcpy(&mask, each->ifa_netmask,
                own.size() == 4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    mask.ss_family = each->ifa_addr->sa_family;
    const int bits = bits_of(bytes_of(reinterpret_cast<const sockaddr&>(mask)));
    // A tunnel that takes all of the internet is no network of neighbours.
    const int least = own.size() == 4 ? 8 : 32;
    if (bits >= least && is_in(bytes, {own, bits})) return true;
  }
  return false;
}

bool is_public_address(const sockaddr& address) {
  return is_global_address(address) && !is_of_own_networks(address);
}

}  // namespace oko::net

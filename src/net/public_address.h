#pragma once

struct sockaddr;

namespace oko::net {

/// True for an address that the whole internet reaches (IANA's registries of special-purpose IPv4
/// and IPv6 addresses): of no private, local, shared, reserved or documented network, not of many
/// receivers, and with no such IPv4 address within (NAT64, 6to4).
bool is_global_address(const sockaddr& address);

/// True for an address in a network of one of this machine's interfaces, itself included. Machines
/// at home have global addresses of IPv6.
bool is_of_own_networks(const sockaddr& address);

/// True for an address that a stranger may have oko ask: a global one, of nobody near.
bool is_public_address(const sockaddr& address);

}  // namespace oko::net

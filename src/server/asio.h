#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

namespace oko::server {

namespace asio = boost::asio;
using SystemError = boost::system::error_code;

/// A completion token: the coroutine goes on, and an error is in `error`.
inline auto into(SystemError& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

}  // namespace oko::server

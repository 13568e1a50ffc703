#pragma once

namespace oko::decoding {

/// What the program is started with to become a helper, without anything else.
inline constexpr const char* kHelperArgument = "--decode-for-server";

/// The descriptor of a helper's socket.
inline constexpr int kHelperSocket = 3;

/// False in builds with sanitizers, whose memory and calls the limits would refuse.
bool helpers_have_limits();

/// Makes this process, which has one thread, a helper: it confines itself, then decodes what it is
/// asked until the socket closes. Returns the exit status.
int run_helper();

}  // namespace oko::decoding

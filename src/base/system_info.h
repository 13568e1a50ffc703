#pragma once

#include <string>
#include <vector>

namespace oko {

/// The processor's name: "Apple M2", "AMD EPYC 7B13". Empty if the system does not tell.
std::string processor_name();

/// The instruction sets of the processor that matter to kernels: "AVX2", "AVX-512", "i8mm".
std::vector<std::string> processor_features();

/// The system and its version: "macOS 26.2 (25C56)", "Debian GNU/Linux 12, Linux 6.1.0-13-amd64".
std::string system_name();

}  // namespace oko

#pragma once

namespace oko::image {

/// Starts the libraries that decode pictures, and loads their parts, before a process gives up its
/// right to open files. Throws as start_vips.
void start_decoders();

}  // namespace oko::image

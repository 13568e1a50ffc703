#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/error.h"
#include "image/image.h"
#include "ocr/engine.h"
#include "ocr/page.h"

namespace oko::ocr {

/// What became of one picture.
struct ReadResult {
  Page page;
  std::optional<Error> error;  ///< the picture could not be loaded or read: `page` is empty
};

/// Reads load(0) .. load(count - 1), up to `threads` of them at once, each thread with an engine of
/// its own, and hands the results over in order, on the calling thread. Never more than twice as
/// many as threads are loaded or waiting. Errors of one picture do not end the others; those of
/// making an engine and kCancelled leave as oko::Error.
void read_pages(std::size_t count, const Options& options, std::size_t threads,
                const std::function<image::Image(std::size_t)>& load,
                const std::function<void(std::size_t, ReadResult)>& on_result,
                std::stop_token stop);

}  // namespace oko::ocr

#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/stop_token.h"
#include "budget/reservation.h"
#include "document/loaded_page.h"
#include "ocr/engine.h"

namespace oko::ocr {

/// The result of one page.
struct ReadResult {
  document::Page page;
  std::optional<Error> error;  ///< the page could not be loaded or read: `page` is empty
};

/// Reads load(0) .. load(count - 1), up to `threads` of them at once, each thread with an engine of
/// its own, and hands the results over in order, on the calling thread. Never more than twice as
/// many as threads are loaded or waiting. No engine is made before a picture comes. Errors of one
/// page do not end the others; those of making an engine and kCancelled leave as oko::Error.
/// `admit`: asks for the memory of a page, on the thread that will load it, and keeps it until the
/// page is read; may be empty.
void read_pages(std::size_t count, const Options& options, std::size_t threads,
                const std::function<document::LoadedPage(std::size_t)>& load,
                const std::function<void(std::size_t, ReadResult)>& on_result, StopToken stop,
                const std::function<budget::Reservation(std::size_t)>& admit = {});

}  // namespace oko::ocr

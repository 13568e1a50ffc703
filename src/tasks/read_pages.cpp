#include "tasks/read_pages.h"

#include <algorithm>
#include <utility>

#include "base/core_count.h"
#include "base/mutex.h"
#include "base/thread_priority.h"
#include "engine/plan.h"
#include "ocr/memory_estimate.h"
#include "ocr/page_reader.h"
#include "tasks/shared_reader.h"
#include "tensor/device.h"

namespace oko::tasks {
namespace {

std::size_t most_threads(const ReadPagesOptions& options) {
  return options.threads != 0 ? options.threads : physical_core_count();
}

document::PagesOptions pages_options(const ReadPagesOptions& options) {
  document::PagesOptions pages;
  pages.ignores_text = options.ignores_text;
  pages.selection = options.selection;
  pages.pdf.password = options.password;
  pages.pdf.takes_password = options.takes_password;
  pages.decoder = options.decoder;
  if (options.reader != nullptr) {
    pages = options.reader->options_for(std::move(pages));
    if (!options.engines) return pages;
    const std::uint64_t own = options.engines->size() * ocr::kEngineBytes;
    const std::uint64_t bytes = pages.picture_bytes - std::min(pages.picture_bytes, own);
    return pages_to_read(std::move(pages), bytes);
  }
  const std::uint64_t budget =
      options.budget_bytes - std::min(options.budget_bytes, options.beside_bytes);
  const std::uint64_t engines = PageBudget::pages_within(budget, most_threads(options));
  const std::uint64_t taken = engine::runtime_bytes(false) + engines * ocr::kEngineBytes;
  return pages_to_read(std::move(pages), budget - std::min(budget, taken));
}

/// True for an error of one page that does not affect the others.
bool is_of_one_page(const Error& error) {
  return is_of_input(error.code()) || error.code() == ErrorCode::kOverBudget;
}

}  // namespace

document::PagesOptions pages_to_read(document::PagesOptions options, std::uint64_t bytes) {
  constexpr std::uint64_t kLeast = 1'000'000;
  options.reading_bytes = ocr::reading_bytes;
  options.picture_bytes = bytes;
  const std::uint64_t fit = ocr::pixels_within(bytes);
  options.pdf.max_pixels = std::clamp(fit - fit / 100, kLeast,  // sides are rounded to whole pixels
                                      document::PdfOptions{}.max_pixels);
  return options;
}

PageReader::PageReader(std::vector<std::string> files, const ReadPagesOptions& options)
    : options_(options),
      threads_(most_threads(options)),
      pages_(std::move(files), pages_options(options)),
      budget_(options.budget_bytes, pages_, options.beside_bytes) {}

void PageReader::read_shared(const PageSink& sink, const StopToken& stop) {
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    throw_if_stopped(stop);
    ReadPage read{i, {}, {}, std::nullopt};
    try {
      read.page = options_.reader->read(pages_, i, options_.ocr, stop);
    } catch (const Error& error) {
      if (!is_of_one_page(error)) throw;
      read.error = error;
    }
    sink(read);
  }
}

void PageReader::read_beside_others(const PageSink& sink, const StopToken& stop) {
  Mutex header;  // is read before memory is reserved, and kept
  ocr::read_pages(
      pages_.size(), *options_.engines,
      [&](std::size_t i) {
        yield_to_other_threads();
        return pages_.load(i, nullptr);
      },
      [&](std::size_t i, ocr::ReadResult result) {
        if (result.error && !is_of_one_page(*result.error)) throw *result.error;
        sink({i, std::move(result.page), {}, std::move(result.error)});
        tensor::trim_heap();
      },
      stop,
      [&](std::size_t i) {
        budget::TagBytes bytes;
        {
          const MutexLock lock(header);
          bytes = pages_.memory_of(i);
        }
        return options_.reader->reserve(bytes, stop);
      });
}

void PageReader::read(const PageSink& sink, const StopToken& stop) {
  if (options_.engines) return read_beside_others(sink, stop);
  if (options_.reader != nullptr) return read_shared(sink, stop);
  // The sheets of the pages in work; the thread that loads a page fills its sheet.
  std::vector<document::Sheet> sheets(options_.makes_sheets ? pages_.size() : 0);
  const std::size_t threads = budget_.share(std::min(threads_, pages_.size()), stop);
  ocr::read_pages(
      pages_.size(), options_.ocr, threads,
      [&](std::size_t i) { return pages_.load(i, sheets.empty() ? nullptr : &sheets[i]); },
      [&](std::size_t i, ocr::ReadResult result) {
        if (result.error && !is_of_one_page(*result.error)) throw *result.error;
        ReadPage read{i, std::move(result.page), {}, std::move(result.error)};
        if (!sheets.empty() && !read.error) read.sheet = std::move(sheets[i]);
        if (!sheets.empty()) sheets[i] = {};
        sink(read);
      },
      stop, [&](std::size_t i) { return budget_.reserve(i, stop); });
}

}  // namespace oko::tasks

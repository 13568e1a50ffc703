// Requests of all kinds from several callers at once, some of them cancelled at random moments.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "tests/support/random_models.h"

namespace oko::engine {

inline GenerationRequest mixed_request(std::mt19937& random) {
  GenerationRequest request;
  request.messages = {{text::Role::kUser, {}}};
  if (random() % 3 == 0) {
    const int width = 64 + 32 * static_cast<int>(random() % 4);
    image::Image image{width, 64, std::vector<std::uint8_t>(3 * 64 * width)};
    for (std::uint8_t& channel : image.rgb) channel = static_cast<std::uint8_t>(random());
    request.images.push_back(std::move(image));
    request.messages[0].parts.push_back(text::Part::make_image());
  }
  request.messages[0].parts.push_back(
      text::Part::make_text("Вопрос " + std::string(random() % 200, '.')));
  request.max_tokens = 1 + static_cast<int>(random() % 12);
  request.prefill_chunk = random() % 4 == 0 ? 32 : 512;
  request.kv_bits = random() % 2 == 0 ? 8 : 16;
  request.lookup = random() % 4 == 0;
  request.sampling.temperature = random() % 2 == 0 ? 0.0f : 1.0f;
  return request;
}

/// Runs `count` requests by 4 callers. Each ends with an answer or as cancelled.
inline void run_mixed_requests(const std::shared_ptr<ModelHost>& host, Generator& generator,
                               Embedder& embedder, int count, unsigned seed) {
  std::atomic<int> left{count};
  std::atomic<int> answered{0}, cancelled{0};
  const auto call = [&](unsigned caller) {
    std::mt19937 random(seed + caller);
    while (left-- > 0) {
      if (random() % 5 == 0) {
        EXPECT_EQ(embedder.embed({.texts = {"один", "two"}}).texts.size(), 2u);
        continue;
      }
      GenerationHandle handle = generator.submit(mixed_request(random));
      const unsigned fate = random() % 6;
      if (fate == 0) continue;  // drops the handle
      if (fate == 1) {
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        handle.cancel();
      }
      try {
        EXPECT_GT(handle.wait().stats.prompt_tokens, 0);
        ++answered;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
        ++cancelled;
      }
    }
  };
  {
    std::vector<JoiningThread> callers;
    for (unsigned caller = 0; caller < 4; ++caller)
      callers.emplace_back([&call, caller] { call(caller); });
  }
  EXPECT_GT(answered, count / 4);
  EXPECT_GT(cancelled, 0);
  // Requests whose handles were dropped end at their next step.
  const auto at_work = [&] { return host->memory_budget().transient_bytes(); };
  for (int i = 0; i < 1000 && at_work() > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(at_work(), 0u) << "bytes are still reserved";
}

}  // namespace oko::engine

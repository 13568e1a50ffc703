#pragma once

#include <gtest/gtest.h>

/// First in a test that compares with what Tesseract reads, or with the memory that it takes: a Mac
/// reads with Apple Vision.
#define OKO_NEEDS_TESSERACT() \
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "compares with Tesseract, which does not read here"

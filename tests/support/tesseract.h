#pragma once

#include <gtest/gtest.h>

/// Put it first in a test that depends on Tesseract's results or memory: a Mac uses Apple Vision.
#define OKO_NEEDS_TESSERACT() \
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "compares with Tesseract, which does not read here"

#pragma once

#include <vector>

#include "document/page.h"
#include "image/image.h"

namespace oko::document {

/// True if the text layer of a page is plausible by its letters alone: no characters without a
/// meaning, question marks in place of letters, bytes read in another code page, or letters moved
/// along the alphabet. Judges Russian and English letter pairs; other alphabets and text too short
/// to tell pass.
bool is_plausible(const Page& page);

/// True if many words overlap others: two programs have read the page.
bool lies_over_itself(const Page& page);

/// The places that may hold more text than the words of `page`, so that a picture has to be
/// checked: without those that lines of words cover from top to bottom, as on a scanned page whose
/// text a program has read, and without those inside others.
std::vector<Box> open_places(const Page& page, const std::vector<Box>& places);

/// True if a picture of the page has edges of ink within `places` outside the boxes of its words.
/// `picture` has the page's size.
bool shows_more(const image::Image& picture, const Page& page, const std::vector<Box>& places);

/// The lines in which a word lacks the meaning of some of its characters (U+FFFD).
std::vector<Box> unclear_places(const Page& page);

/// Paints everything outside `places` white.
void keep_only(const std::vector<Box>& places, image::Image& picture);

}  // namespace oko::document

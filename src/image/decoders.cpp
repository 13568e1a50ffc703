#include "image/decoders.h"

#include <dlfcn.h>

#include "image/vips_session.h"

namespace oko::image {

void start_decoders() {
  start_vips();
  // libheif loads its decoders at its first use, unless it is told to begin. libvips has loaded it;
  // oko itself does not use it.
  if (void* heif = ::dlopen("libheif.so.1", RTLD_NOW | RTLD_NOLOAD)) {
    using Begin = void* (*)(void*);
    if (const auto begin = reinterpret_cast<Begin>(::dlsym(heif, "heif_init"))) begin(nullptr);
  }
}

}  // namespace oko::image

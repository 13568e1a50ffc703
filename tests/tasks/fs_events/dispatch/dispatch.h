#pragma once

// What folder_watch_darwin.cpp uses of Apple's header of this name.
struct dispatch_queue_s;
using dispatch_queue_t = dispatch_queue_s*;
#define DISPATCH_QUEUE_SERIAL nullptr

extern "C" {
dispatch_queue_t dispatch_queue_create(const char* label, void* attributes);
void dispatch_sync_f(dispatch_queue_t queue, void* context, void (*work)(void*));
void dispatch_release(dispatch_queue_t queue);
}

/// Copies that need all the memory of a device.
#pragma once

#include "backend/backend.hpp"
#include "vecinal/error.hpp"

namespace vecinal {

/// Calls copy(), and where there is no room for that, again after give_up() and without what calls
/// have left: copies that grow are there twice for a moment.
template <class Copy, class GiveUp>
void with_room(Backend& backend, Copy copy, GiveUp give_up) {
  try {
    copy();
  } catch (const DeviceMemoryError&) {
    give_up();
    backend.trim();
    copy();
  }
}

}  // namespace vecinal

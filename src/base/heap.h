#pragma once

namespace oko {

/// Makes malloc of the whole process give large blocks back to the system at once, and keep one
/// heap for all threads. For a program to call before it runs a model: estimates of memory assume
/// it.
void configure_heap();

}  // namespace oko

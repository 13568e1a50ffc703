// Known to libc++ of macOS 13.3 and later only: refused for 13.0 where availability is looked at.
#include <charconv>

int main() {
  char text[32];
  return std::to_chars(text, text + sizeof(text), 0.5).ptr == text;
}

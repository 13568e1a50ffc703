// Links only where names are left open; no library has this one.
extern "C" int vips_no_such_function();

int main() {
  return vips_no_such_function();
}

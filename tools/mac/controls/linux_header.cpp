// Must not compile: no header of this Linux is to be found where a Mac's are looked for.
#include <malloc.h>
#include <sys/prctl.h>

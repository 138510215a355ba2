// weir: everything is in server/cli; this file only starts it.
#include "server/cli/cli.h"

int main(int argc, char** argv) { return weir::cli::run(argc, argv); }

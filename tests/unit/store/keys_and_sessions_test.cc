#include "tests/unit/store/store_fixture.h"

// The internal name of the public error and result types.
#pragma once

#include "eventmq/error.h"

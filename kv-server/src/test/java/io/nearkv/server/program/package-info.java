/** Tests of the program as its users run it: real processes. */
@NullMarked
package io.nearkv.server.program;

import org.jspecify.annotations.NullMarked;

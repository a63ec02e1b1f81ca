/** The commands of the program {@code nearkv}. */
@NullMarked
package io.nearkv.server.cli;

import org.jspecify.annotations.NullMarked;

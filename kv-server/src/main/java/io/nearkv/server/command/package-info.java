/** The commands of the program {@code nearkv}, one class each, and what finds and runs them. */
@NullMarked
package io.nearkv.server.command;

import org.jspecify.annotations.NullMarked;

/** The command {@code nearkv bench}. */
@NullMarked
package io.nearkv.bench.command;

import org.jspecify.annotations.NullMarked;

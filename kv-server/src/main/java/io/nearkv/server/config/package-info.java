/** Settings from flags, environment and file, in this order of precedence. */
@NullMarked
package io.nearkv.server.config;

import org.jspecify.annotations.NullMarked;

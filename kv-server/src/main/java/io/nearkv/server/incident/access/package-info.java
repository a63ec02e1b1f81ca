/** A small authentication service that reads from the store: the circle that locked everybody out. */
@NullMarked
package io.nearkv.server.incident.access;

import org.jspecify.annotations.NullMarked;

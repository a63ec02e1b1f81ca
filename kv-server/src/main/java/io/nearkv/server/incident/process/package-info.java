/** The replay's machines as real processes on the loopback. */
@NullMarked
package io.nearkv.server.incident.process;

import org.jspecify.annotations.NullMarked;

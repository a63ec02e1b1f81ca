/** Serves any {@code KvStore} over the wire. */
@NullMarked
package io.nearkv.net.server;

import org.jspecify.annotations.NullMarked;

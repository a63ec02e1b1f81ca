/** A {@code KvStore} that asks a server over the wire. */
@NullMarked
package io.nearkv.net.client;

import org.jspecify.annotations.NullMarked;

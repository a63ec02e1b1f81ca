/** The comparison with peers: servers and clients in processes of their own, pinned, taking turns. */
@NullMarked
package io.nearkv.bench.compare;

import org.jspecify.annotations.NullMarked;

/** The edge over real sockets. */
@NullMarked
package io.nearkv.server.edge;

import org.jspecify.annotations.NullMarked;

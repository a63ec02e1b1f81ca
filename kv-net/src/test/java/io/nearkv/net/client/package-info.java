/** Tests of the client, over real sockets and against the real server. */
@NullMarked
package io.nearkv.net.client;

import org.jspecify.annotations.NullMarked;
